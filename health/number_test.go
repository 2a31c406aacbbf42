package health

import (
	"strconv"
	"strings"
	"testing"
)

// keepalived-language 4.2.4.
func TestParseNumber(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "0": 0, "12": 12, "-12\n": -12, "+7": 7, " \t\n5": 5,
		"0x1F": 31, "-0Xa": -10, "017": 15, "08": 0, "0x": 0, "0xg": 0, "019": 1,
		"text": 0, "5 apples": 5, "5.9": 5, "- 5": 0, "--5": 0, "٣": 0,
		"2147483648": 1 << 31, "-2147483648": -1 << 31,
		strings.Repeat(" ", 126) + "12": 1, // the first 127 bytes
		strings.Repeat(" ", 127) + "12": 0,
	} {
		if n, ok := parseNumber(text); n != want || !ok {
			t.Errorf("%q is %d %v, want %d", text, n, ok, want)
		}
	}
	for _, text := range []string{"2147483649", "-2147483649", "99999999999999999999999999", "0xffffffffff"} {
		if n, ok := parseNumber(text); ok {
			t.Errorf("%q is %d, want it out of range", text, n)
		}
	}
}

// What strconv can read with base 0, parseNumber reads alike (but for forms
// that C does not know).
func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"0", "-12", "0x1f", "017", "1_0", "0b1", "0o7", " 5x", "2147483648", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseNumber(text)
		if n > 1<<31 || n < -1<<31 || !ok && n != 0 {
			t.Fatalf("%q is %d %v", text, n, ok)
		}
		want, err := strconv.ParseInt(text, 0, 64)
		if err != nil || len(text) > numberBytes || strings.ContainsAny(text, "_oO") || strings.Contains(strings.ToLower(text), "0b") && !strings.Contains(strings.ToLower(text), "0x") {
			return
		}
		if inside := want >= -1<<31 && want <= 1<<31; inside != ok || inside && int64(n) != want {
			t.Errorf("%q is %d %v, want %d", text, n, ok, want)
		}
	})
}
