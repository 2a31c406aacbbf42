package health

import "strings"

// The first bytes of a track_file are looked at, and no more.
const numberBytes = 127

// parseNumber reads the number that a file begins with, as C's strtol does
// with base 0: blanks, a sign, then decimal, octal after 0 or hexadecimal after
// 0x. What follows is ignored, and text without a number is 0. It is false for
// a number beyond 32 bits.
func parseNumber(text string) (n int, ok bool) {
	text = strings.TrimLeft(text[:min(len(text), numberBytes)], " \t\n\v\f\r")
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	base := 10
	switch {
	case len(text) > 2 && text[0] == '0' && text[1]|0x20 == 'x' && digit(text[2]) < 16:
		base, text = 16, text[2:]
	case strings.HasPrefix(text, "0"):
		base = 8
	}
	for i := 0; i < len(text) && digit(text[i]) < base; i++ {
		if n = n*base + digit(text[i]); n > 1<<31 {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 16
}
