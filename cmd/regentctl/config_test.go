package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodConfig = `vrrp_instance V {
    interface eth0
    virtual_router_id 7
    priority 150
    virtual_ipaddress {
        192.0.2.7/24
    }
}
`

// write puts a configuration into a file of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// 0 when the daemon would run it, 1 when it would refuse it, 2 for a wrong
// call; --strict counts warnings.
func TestConfigCheckExitCodes(t *testing.T) {
	good := write(t, goodConfig)
	doubtful := write(t, strings.Replace(goodConfig, "priority", "prioritty", 1))
	bad := write(t, strings.Replace(goodConfig, "id 7", "id 256", 1))
	twin := write(t, strings.Replace(goodConfig, "150", "100", 1))
	other := write(t, strings.Replace(goodConfig, "192.0.2.7", "192.0.2.8", 1))
	for _, c := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{good}, 0, ""},
		{[]string{doubtful}, 0, `did you mean "priority"?`},
		{[]string{"--strict", doubtful}, 1, ""},
		{[]string{"--strict", good}, 0, ""},
		{[]string{bad}, 1, `k.conf:3:23: error: virtual_router_id "256" is not valid`},
		{[]string{good + ".none"}, 1, "cannot read"},
		{[]string{}, 2, ""},
		{[]string{"--nonsense", good}, 2, ""},
		{[]string{good, twin}, 0, "VRID 7 over IPv4: master"},
		{[]string{good, other}, 1, "lacks 192.0.2.7"},
	} {
		code, out, errs := regentctl(nil, append([]string{"config", "check", "--offline"}, c.args...)...)
		if code != c.want || !strings.Contains(out, c.says) {
			t.Errorf("check %v: exit %d, want %d\n%s%s", c.args, code, c.want, out, errs)
		}
	}
}

func TestConfigCheckJSON(t *testing.T) {
	name := write(t, strings.Replace(goodConfig, "priority", "prioritty", 1))
	code, out, _ := regentctl(nil, "config", "check", "--offline", "--format", "json", name)
	var got []struct {
		File, Severity, Suggestion string
		Line, Column               int
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s", code, err, out)
	}
	if len(got) != 1 || got[0].Line != 4 || got[0].Column != 5 || got[0].Suggestion != "priority" || got[0].Severity != "warning" {
		t.Errorf("got %+v", got)
	}
}

func TestConfigShow(t *testing.T) {
	code, out, errs := regentctl(nil, "config", "show", "--offline", write(t, goodConfig))
	for _, want := range []string{"vrrp_instance V\n", "priority                       150  (k.conf:4)", "advert_int                     1 s  (default)", "virtual_ipaddress              192.0.2.7/24  (k.conf:5)"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if code != 0 || errs != "" {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestConfigFmt(t *testing.T) {
	untidy := "vrrp_instance  V\n{\ninterface eth0\nvirtual_router_id 7\npriority 150\nvirtual_ipaddress { 192.0.2.7/24 }\n}"
	if code, out, _ := regentctl([]byte(untidy), "config", "fmt"); code != 0 || out != goodConfig {
		t.Errorf("exit %d\n%s", code, out)
	}
	name := write(t, untidy)
	if code, out, _ := regentctl(nil, "config", "fmt", "-l", name); code != 1 || out != name+"\n" {
		t.Errorf("-l: exit %d, %s", code, out)
	}
	if code, _, errs := regentctl(nil, "config", "fmt", "-w", name); code != 0 {
		t.Errorf("-w: exit %d, %s", code, errs)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != goodConfig {
		t.Errorf("-w wrote %q (%v)", got, err)
	}
	if code, _, _ := regentctl(nil, "config", "fmt", "-l", name); code != 0 {
		t.Errorf("-l after -w: exit %d", code)
	}
}

func TestConfigDiff(t *testing.T) {
	old := write(t, goodConfig+"vrrp_instance Gone {\n interface eth1\n virtual_router_id 8\n virtual_ipaddress { 192.0.2.8\n }\n}\n")
	text := strings.NewReplacer("150", "90", "192.0.2.7/24", "192.0.2.9/24", "instance V", "instance W").Replace(goodConfig)
	code, out, errs := regentctl(nil, "config", "diff", "--offline", old, write(t, text))
	const want = `vrrp_instance V: is renamed to W; it keeps its state
vrrp_instance W: priority changes from 150 to 90
vrrp_instance W: virtual_ipaddress loses 192.0.2.7/24
vrrp_instance W: virtual_ipaddress gains 192.0.2.9/24
vrrp_instance Gone: is removed; if it is master it resigns and gives its addresses up
`
	if code != 0 || out != want {
		t.Errorf("exit %d %s\n%s", code, errs, out)
	}
	if code, out, _ := regentctl(nil, "config", "diff", "--offline", old, old); code != 0 || out != "nothing changes\n" {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestConfigKeywords(t *testing.T) {
	code, out, _ := regentctl(nil, "config", "keywords")
	if code != 0 || !strings.Contains(out, "| `virtual_router_id` | `1-255` |") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
