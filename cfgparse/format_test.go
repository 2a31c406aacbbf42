package cfgparse

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFormat(t *testing.T) {
	const in = "! head\nvrrp_instance  VI_1   # one\n{\n\tinterface eth0\n  virtual_ipaddress { 192.0.2.1/24\n}\n\n\n" +
		"  $X= \\\n  a  b \\\n }\n\n@north   priority 200\n   notify \"/x  y\"   'a  b'\n}"
	const want = `! head
vrrp_instance VI_1 {  # one
    interface eth0
    virtual_ipaddress {
        192.0.2.1/24
    }

    $X= \
    a  b \
}

@north   priority 200
notify "/x  y"   'a  b'
}
`
	got, err := Format(in)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFormatCorpus formats every public configuration: the result means the
// same (Format itself checks that) and formatting it again changes nothing.
func TestFormatCorpus(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "*.conf"))
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		once, err := Format(string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if twice, err := Format(once); err != nil || twice != once {
			t.Errorf("%s: formatting is not idempotent (%v)", name, err)
		}
	}
}
