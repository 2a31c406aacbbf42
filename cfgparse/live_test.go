package cfgparse

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"regent/cfgparse/syntax"
)

// judgement runs keepalived -t in a network of its own that has the interfaces
// eth0 to eth5, and prints what it says.
const judgement = `
mount -t tmpfs none /run && cat > /run/k.conf
ip link set lo up
for n in 0 1 2 3 4 5; do ip link add eth$n type veth peer name peer-$n && ip link set eth$n up; done
timeout 60 keepalived -t -f /run/k.conf -i north 2>&1
echo "exit $?"
`

var keepalivedLine = regexp.MustCompile(`: Line (\d+)\) (.*)`)

// liveExceptions are stories on which regent and keepalived 2.2.7 differ on
// purpose, by their first line, and why.
var liveExceptions = map[string]string{
	"# Load balancing is passed over with one warning.": "regent does not look into virtual servers",
	"# Braces: missing, surplus, unexpected (1.4).":     "keepalived only logs a word before the brace of a list",
}

// TestStoriesLive lets keepalived judge the stories that load: what it
// complains of, regent complains of on the same line, and they agree on
// whether there is anything to complain of.
func TestStoriesLive(t *testing.T) {
	needKeepalived(t)
	for _, name := range []string{"instances.txt", "lines.txt", "rules.txt"} {
		text, err := os.ReadFile(filepath.Join("..", "testdata", "config", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, story := range strings.Split(string(text), "\n\n") {
			title, rest, _ := strings.Cut(strings.TrimSpace(story), "\n")
			command, rest, _ := strings.Cut(rest, "\n")
			input, _, ok := strings.Cut(rest, "\n----\n")
			if !ok || command != "load" && !strings.HasPrefix(command, "value") {
				continue
			}
			t.Run(strings.TrimPrefix(title, "# "), func(t *testing.T) {
				t.Parallel()
				judge(t, title, input+"\n")
			})
		}
	}
}

func judge(t *testing.T, title, input string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", judgement)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run keepalived: %v", err)
	}
	files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(input)}})
	_, ds := Load("k.conf", Env{Files: files, ConfigID: "north", Dir: "/", Offline: true})
	said := map[int]bool{}
	complains := false
	for _, d := range ds {
		if d.Class != syntax.Advice && d.Class != syntax.Security {
			complains = true
			said[d.Pos.Line], said[d.Pos.Line+1] = true, true
		}
	}
	theirs := false
	var missed []string
	for _, m := range keepalivedLine.FindAllStringSubmatch(string(out), -1) {
		theirs = true
		if n, _ := strconv.Atoi(m[1]); !said[n] {
			missed = append(missed, m[0])
		}
	}
	clean := true // but for script security, which is the machine's matter
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		clean = clean && (line == "exit 0" || line == "exit 6" || strings.HasPrefix(line, "SECURITY VIOLATION"))
	}
	differs := len(missed) > 0 || theirs && !complains || clean && complains
	why := liveExceptions[title]
	switch {
	case differs && why == "":
		t.Errorf("keepalived:\n%s\nregent:\n%s\nmissed: %q", out, lines(ds), missed)
	case !differs && why != "":
		t.Errorf("is in the table of exceptions (%s) but agrees", why)
	}
}
