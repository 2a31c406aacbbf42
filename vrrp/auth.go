package vrrp

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Auth is how the adverts of a virtual router are proved: by the password of
// version 2 (authentication) or by a signed trailer (auth_hmac), never both.
// It is settings alone; Proof is what runs.
type Auth struct {
	Password Secret // auth_pass: its first 8 bytes count; empty: no password

	Keys      []Key         // auth_hmac key; none: no trailer
	ActiveKey uint8         // auth_hmac active_key: the one that signs
	Mode      Mode          // auth_hmac mode
	Replay    AntiReplay    // auth_hmac anti_replay
	Window    time.Duration // auth_hmac time_window, 1 to 300 whole seconds; 0: three intervals, see H-44
}

// A Key is one of the keys that all routers of a virtual router share (H-40).
type Key struct {
	ID     uint8 // 1 to 255
	Secret Secret
}

// Lengths of a key, in bytes.
const (
	MinSecret = 32
	MaxSecret = 64
)

// A Secret is a key or a password. It prints as asterisks, whatever the verb
// (L-2, H-46).
type Secret []byte

// Format implements fmt.Formatter.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("********")) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("********"), nil }

// Clear overwrites the secret, before it is forgotten.
func (s Secret) Clear() { clear(s) }

// Mode says which adverts of others need a trailer, and whether the own ones
// bear it. A trailer that is there must verify in every mode (H-12, H-22).
type Mode uint8

const (
	Enforce     Mode = iota // sign, and drop what is not signed
	Permissive              // sign, and accept what is not signed
	ReceiveOnly             // do not sign, and accept what is not signed
)

// AntiReplay says what keeps an old advert from being sent again.
type AntiReplay uint8

const (
	ByTime      AntiReplay = iota // the time of day, and within the window the sequence
	ByMonotonic                   // the sequence alone: for hosts without a good clock
)

// Sealed reports whether auth_hmac is on. A nil Auth is off.
func (k *Auth) Sealed() bool { return k != nil && len(k.Keys) > 0 }

// Clear overwrites all keys and the password, before they are forgotten (H-46).
func (k *Auth) Clear() {
	k.Password.Clear()
	for _, key := range k.Keys {
		key.Secret.Clear()
	}
}

// Sign gives an advert of version 2 its authentication type and data. A nil
// Auth means none.
func (k *Auth) Sign(a *Advert) { a.AuthType, a.AuthData = k.simple() }

// simple returns the authentication fields of version 2 (W-32, W-33).
func (k *Auth) simple() (kind uint8, data [8]byte) {
	if k == nil || len(k.Password) == 0 {
		return NoAuth, data
	}
	copy(data[:], k.Password)
	return SimplePassword, data
}

// Check reports what is wrong with the settings (H-40, H-43 to H-45); no
// message holds a secret.
func (k *Auth) Check() error {
	if !k.Sealed() {
		return nil
	}
	if len(k.Password) != 0 {
		return errors.New("auth_hmac and authentication exclude each other")
	}
	active := false
	for i, key := range k.Keys {
		switch n := len(key.Secret); {
		case key.ID == 0:
			return errors.New("key id 0: must be 1 to 255")
		case n < MinSecret || n > MaxSecret:
			return fmt.Errorf("key %d has %d bytes: must have %d to %d", key.ID, n, MinSecret, MaxSecret)
		}
		for _, other := range k.Keys[:i] {
			if other.ID == key.ID {
				return fmt.Errorf("key %d is given twice", key.ID)
			}
		}
		active = active || key.ID == k.ActiveKey
	}
	if !active {
		return fmt.Errorf("active_key %d is no key", k.ActiveKey)
	}
	if k.Window != 0 && (k.Window < time.Second || k.Window > maxWindow) {
		return fmt.Errorf("time_window %v: must be 1 to 300 seconds", k.Window)
	}
	return nil
}

// ParseSecret reads a key's value: "hex:" and digits, between whose bytes
// blanks may stand, or else the text itself (H-41). What a value of "file:"
// names is read by the caller and comes here without that prefix, the line
// ends at its end removed.
func ParseSecret(text string) (Secret, error) {
	s := Secret(text)
	if digits, ok := strings.CutPrefix(text, "hex:"); ok {
		var err error
		s, err = hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			// The error of package hex would quote a digit of the key.
			return nil, errors.New("hex key: must be pairs of hexadecimal digits")
		}
	}
	if len(s) < MinSecret || len(s) > MaxSecret {
		return nil, fmt.Errorf("key has %d bytes: must have %d to %d", len(s), MinSecret, MaxSecret)
	}
	return s, nil
}

const (
	minWindow = 5 * time.Second
	maxWindow = 300 * time.Second
)

// window returns the time window in seconds for a router's interval (H-44).
func (k *Auth) window(interval time.Duration) int64 {
	if k.Window != 0 {
		return int64(k.Window / time.Second)
	}
	w := 3 * interval.Truncate(time.Second)
	return int64(min(max(w, minWindow), maxWindow) / time.Second)
}
