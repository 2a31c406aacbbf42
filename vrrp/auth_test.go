package vrrp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// H-40, H-43, H-44, H-45.
func TestAuthCheck(t *testing.T) {
	key := testKey
	for _, story := range []struct {
		auth *Auth
		want string
	}{
		{nil, ""},
		{&Auth{}, ""},
		{&Auth{Password: Secret("s3cr3t")}, ""},
		{&Auth{Keys: []Key{key(1), key(2)}, ActiveKey: 2}, ""},
		{&Auth{Keys: []Key{{1, make(Secret, 64)}}, ActiveKey: 1, Window: 300 * time.Second}, ""},
		{&Auth{Keys: []Key{key(1)}, ActiveKey: 1, Password: Secret("s3cr3t")}, "auth_hmac and authentication exclude each other"},
		{&Auth{Keys: []Key{key(0)}}, "key id 0: must be 1 to 255"},
		{&Auth{Keys: []Key{{1, make(Secret, 31)}}, ActiveKey: 1}, "key 1 has 31 bytes: must have 32 to 64"},
		{&Auth{Keys: []Key{{1, make(Secret, 65)}}, ActiveKey: 1}, "key 1 has 65 bytes: must have 32 to 64"},
		{&Auth{Keys: []Key{key(1), key(1)}, ActiveKey: 1}, "key 1 is given twice"},
		{&Auth{Keys: []Key{key(1)}, ActiveKey: 2}, "active_key 2 is no key"},
		{&Auth{Keys: []Key{key(1)}}, "active_key 0 is no key"},
		{&Auth{Keys: []Key{key(1)}, ActiveKey: 1, Window: time.Millisecond}, "time_window 1ms: must be 1 to 300 seconds"},
		{&Auth{Keys: []Key{key(1)}, ActiveKey: 1, Window: 301 * time.Second}, "time_window 5m1s: must be 1 to 300 seconds"},
	} {
		got := ""
		if err := story.auth.Check(); err != nil {
			got = err.Error()
		}
		if got != story.want {
			t.Errorf("got %q, want %q", got, story.want)
		}
	}
}

// H-44.
func TestWindow(t *testing.T) {
	for _, story := range []struct {
		window, interval time.Duration
		want             int64
	}{
		{0, 10 * time.Millisecond, 5},
		{0, 1900 * time.Millisecond, 5},
		{0, 2 * time.Second, 6},
		{0, 2990 * time.Millisecond, 6},
		{0, 40950 * time.Millisecond, 120},
		{0, 255 * time.Second, 300},
		{time.Second, time.Second, 1},
	} {
		if got := (&Auth{Window: story.window}).window(story.interval); got != story.want {
			t.Errorf("%+v: got %d", story, got)
		}
	}
}

// H-41.
func TestParseSecret(t *testing.T) {
	text := strings.Repeat("k", 32)
	for _, story := range []struct {
		give string
		want []byte
		err  string
	}{
		{text, []byte(text), ""},
		{"hex:" + strings.Repeat("aB", 32), bytes.Repeat([]byte{0xab}, 32), ""},
		{"hex:" + strings.Repeat("ab ", 64), bytes.Repeat([]byte{0xab}, 64), ""},
		{"hex:" + strings.Repeat("ab", 31), nil, "key has 31 bytes: must have 32 to 64"},
		{strings.Repeat("k", 65), nil, "key has 65 bytes: must have 32 to 64"},
		{"hex:" + strings.Repeat("ab", 32) + "c", nil, "hex key: must be pairs of hexadecimal digits"},
		{"hex:" + strings.Repeat("zz", 32), nil, "hex key: must be pairs of hexadecimal digits"},
		{"", nil, "key has 0 bytes: must have 32 to 64"},
	} {
		got, err := ParseSecret(story.give)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if !bytes.Equal(got, story.want) || message != story.err {
			t.Errorf("%q: got %x and %q, want %x and %q", story.give, []byte(got), message, story.want, story.err)
		}
	}
}

// H-46: whoever prints settings does not print keys, and a key that goes is
// overwritten.
func TestSecretsStaySecret(t *testing.T) {
	auth := Auth{Password: Secret("kkkkkkkk"), Keys: []Key{{1, Secret(strings.Repeat("k", 32))}}, ActiveKey: 1}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if got := fmt.Sprintf(verb, auth); strings.Contains(got, "kkk") || strings.Contains(got, "6b6b") || strings.Contains(got, "107 107") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if got, err := json.Marshal(auth); err != nil || bytes.Contains(got, []byte("kkk")) || bytes.Contains(got, []byte("a2tr")) {
		t.Errorf("JSON: %s, %v", got, err)
	}

	p := NewProof(&auth, time.Second, nil)
	gone := p.signers[0].secret
	p.Configure(&Auth{Keys: []Key{testKey(2)}, ActiveKey: 2}, time.Second, nil)
	if !bytes.Equal(gone, make([]byte, 32)) {
		t.Error("a removed key is still in memory")
	}
	if auth.Keys[0].Secret[0] != 'k' {
		t.Error("the settings' own key was overwritten")
	}
}

// W-32, W-33.
func TestSign(t *testing.T) {
	for _, story := range []struct {
		auth *Auth
		kind uint8
		data string
	}{
		{nil, NoAuth, ""},
		{&Auth{}, NoAuth, ""},
		{&Auth{Password: Secret("s3cr3t")}, SimplePassword, "s3cr3t"},
		{&Auth{Password: Secret("12345678")}, SimplePassword, "12345678"},
		{&Auth{Password: Secret("123456789")}, SimplePassword, "12345678"},
	} {
		a := Advert{AuthType: 9, AuthData: [8]byte{9, 9, 9, 9, 9, 9, 9, 9}}
		story.auth.Sign(&a)
		var want [8]byte
		copy(want[:], story.data)
		if a.AuthType != story.kind || a.AuthData != want {
			t.Errorf("%+v: got %d %q", story.auth, a.AuthType, a.AuthData)
		}
	}
}
