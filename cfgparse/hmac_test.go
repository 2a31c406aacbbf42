package cfgparse

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/cfgparse/syntax"
	"regent/vrrp"
)

// signed writes an instance with these lines in its auth_hmac.
func signed(lines ...string) string {
	return "vrrp_instance V { interface eth0\n virtual_router_id 5\n virtual_ipaddress { 192.0.2.5 }\n auth_hmac {\n" +
		strings.Join(lines, "\n") + "\n}\n}\n"
}

// loadSigned loads such a configuration from the disk.
func loadSigned(t *testing.T, lines ...string) (*Config, syntax.Diagnostics) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte(signed(lines...)), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, Env{})
}

// H-41, H-42, H-43: what a key may be, written down or in a file; anything else
// keeps the daemon from running, because keepalived's way, to go on without
// authentication, is the way of an attacker.
func TestKeys(t *testing.T) {
	text := strings.Repeat("k", 32)
	digits := "hex:" + strings.Repeat("aB", 32)
	raw := bytes.Repeat([]byte{0xab}, 32)
	longest := "hex:" + strings.Repeat("ab", 64)
	for _, test := range []struct {
		name, value string
		file        string // what a file holds; the value is then file: and its path
		want        []byte
		refused     string
	}{
		{"text", text, "", []byte(text), ""},
		{"hexadecimal", digits, "", raw, ""},
		{"short", "kkk", "", nil, "key 1: key has 3 bytes: must have 32 to 64"},
		{"long", strings.Repeat("k", 65), "", nil, "key 1: key has 65 bytes: must have 32 to 64"},
		{"no digits", "hex:" + strings.Repeat("zz", 32), "", nil, "key 1: hex key: must be pairs of hexadecimal digits"},
		{"a file", "", text, []byte(text), ""},
		{"a file with line ends", "", digits + "\r\n\n", raw, ""},
		{"a file as long as can be", "", longest + "\r\n\r\n\r\n", bytes.Repeat([]byte{0xab}, 64), ""},
		{"a file that is longer", "", longest + "\r\n\r\n\r\n\n", nil, "FILE is longer than 138 bytes"},
		{"a file with a zero", "", text[1:] + "\x00", nil, "FILE has a byte of zero in it"},
		{"an empty file", "", "\n", nil, "key 1: key has 0 bytes: must have 32 to 64"},
		{"no file", "file:/nonexistent/key", "", nil, "no such file or directory"},
		{"a directory", "file:/", "", nil, "/ is not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			value := test.value
			path := filepath.Join(t.TempDir(), "key")
			if test.file != "" {
				if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
				value = "file:" + path
			}
			cfg, ds := loadSigned(t, "key 1 "+value, "active_key 1")
			if test.refused != "" {
				want := strings.Replace(test.refused, "FILE", path, 1)
				if cfg != nil || !ds.Fatal() || !strings.Contains(fmt.Sprint(ds), want) {
					t.Errorf("got %v, want a refusal that says %q", ds, want)
				}
				if test.file != "" && strings.Contains(fmt.Sprint(ds), "kkkk") {
					t.Errorf("the message tells the key: %v", ds)
				}
				return
			}
			if cfg == nil || ds.Fatal() {
				t.Fatalf("refused: %v", ds)
			}
			if keys := cfg.Instances[0].Auth.Keys; len(keys) != 1 || keys[0].ID != 1 || !bytes.Equal(keys[0].Secret, test.want) {
				t.Errorf("got %x", []byte(keys[0].Secret))
			}
		})
	}
}

// H-42: a key that others may read is reported, as keepalived does.
func TestAKeyFileThatOthersMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for mode, reported := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true} {
		if err := os.WriteFile(path, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		cfg, ds := loadSigned(t, "key 1 file:"+path, "active_key 1")
		if cfg == nil || len(cfg.Instances[0].Auth.Keys) != 1 {
			t.Fatalf("mode %o: refused: %v", mode, ds)
		}
		if got := strings.Contains(fmt.Sprint(ds), "can be read by others"); got != reported {
			t.Errorf("mode %o: reported %v, want %v", mode, got, reported)
		}
	}
}

// H-43: without a key to sign with the daemon does not run. H-40: of two keys
// with one number the first stands, and the second is reported. H-45: a
// password beside it is left out.
func TestTheActiveKey(t *testing.T) {
	one := "key 1 " + strings.Repeat("k", 32)
	for name, lines := range map[string][]string{
		"nothing": nil, "no active key": {one}, "another": {one, "active_key 2"}, "no key": {"active_key 1"},
	} {
		if cfg, ds := loadSigned(t, lines...); cfg != nil || !strings.Contains(fmt.Sprint(ds), "auth_hmac has no active key") {
			t.Errorf("%s: %v", name, ds)
		}
	}
	cfg, ds := loadSigned(t, one, "key 1 "+strings.Repeat("x", 32), "active_key 1", "mode receive-only", "anti_replay monotonic", "time_window 7")
	if cfg == nil || !strings.Contains(fmt.Sprint(ds), "key 1 is given twice") {
		t.Fatalf("two keys of one number: %v", ds)
	}
	in := cfg.Instances[0]
	if len(in.Auth.Keys) != 1 || in.Auth.Keys[0].Secret[0] != 'k' || in.Auth.Mode != vrrp.ReceiveOnly || in.Auth.Replay != vrrp.ByMonotonic || in.Auth.Window.Seconds() != 7 {
		t.Errorf("got %+v", in.Auth)
	}
	cfg, ds = loadSigned(t, one, "active_key 1\n}\nauthentication {\n auth_type PASS\n auth_pass x")
	if cfg == nil || len(cfg.Instances[0].Auth.Password) != 0 || cfg.Instances[0].Auth.Check() != nil {
		t.Errorf("a password beside it: %v", ds)
	}
}
