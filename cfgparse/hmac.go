package cfgparse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/vrrp"
)

func hmacVocabulary() *Vocabulary {
	return vocabulary("auth_hmac",
		key("key", C, custom("1-255 VALUE", addKey, func(d *draft) string { return showCount(len(d.Auth.Keys)) }), "", "a key of 32 to 64 bytes: text, hex:DIGITS or file:PATH"),
		key("active_key", C, number(1, 255, func(d *draft) *uint8 { return &d.Auth.ActiveKey }), "none", "the key that signs"),
		key("anti_replay", C, choice(map[string]vrrp.AntiReplay{"time": vrrp.ByTime, "monotonic": vrrp.ByMonotonic},
			func(d *draft) *vrrp.AntiReplay { return &d.Auth.Replay }), "time", "what keeps old adverts from being sent again"),
		key("time_window", C, wholeSeconds(1, 300, func(d *draft) *time.Duration { return &d.Auth.Window }), "three intervals, at least 5 s", "how far clocks may differ"),
		key("mode", C, choice(map[string]vrrp.Mode{"enforce": vrrp.Enforce, "permissive": vrrp.Permissive, "receive-only": vrrp.ReceiveOnly},
			func(d *draft) *vrrp.Mode { return &d.Auth.Mode }), "enforce", "what to do with unsigned adverts"),
	)
}

func addKey(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 2, "1-255 VALUE") {
		return
	}
	id, ok := l.number(s, 1, 1, 255)
	if !ok {
		return
	}
	for _, k := range d.Auth.Keys {
		if k.ID == uint8(id) {
			l.complain(s.Words[1].Pos, syntax.General, "each number once", "the first one stands", "key %d is given twice", id)
			return
		}
	}
	secret, err := l.secret(s.Words[2])
	if err != nil {
		// The message of ParseSecret holds no part of the key. keepalived would
		// go on without the key, or without any (H-43).
		l.refuse(s.Words[2].Pos, syntax.General, "32 to 64 bytes: text, hex:DIGITS or file:PATH", "key %d: %v", id, err)
	}
	d.Auth.Keys = append(d.Auth.Keys, vrrp.Key{ID: uint8(id), Secret: secret})
}

// maxKeyFile is the longest that a key's file may be: "hex:", 64 bytes in
// hexadecimal, and what editors put at the end (H-42).
const maxKeyFile = 138

// secret reads the value of a key, from its file if it says so. Offline the
// file is left alone.
func (l *loader) secret(w syntax.Word) (vrrp.Secret, error) {
	path, isFile := strings.CutPrefix(w.Text, "file:")
	if !isFile {
		return vrrp.ParseSecret(w.Text)
	}
	if l.env.Files == nil || l.env.Offline {
		return make(vrrp.Secret, vrrp.MinSecret), nil
	}
	f, err := l.env.Files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New(path + " is not a regular file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		l.complain(w.Pos, syntax.Security, "mode 0600", "it is used all the same", "key file %s can be read by others", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case len(b) > maxKeyFile:
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxKeyFile)
	case bytes.IndexByte(b, 0) >= 0:
		return nil, errors.New(path + " has a byte of zero in it")
	}
	return vrrp.ParseSecret(string(bytes.TrimRight(b, "\r\n")))
}

// closeHMAC sees to it that there is a key to sign with. Where keepalived would
// send and take adverts without proof, regent does not run (H-43).
func closeHMAC(l *loader, _, d *draft, s *syntax.Statement) {
	for _, k := range d.Auth.Keys {
		if k.ID == d.Auth.ActiveKey {
			return
		}
	}
	l.refuse(d.line("auth_hmac"), syntax.General, "active_key with the number of a key", "auth_hmac has no active key")
}
