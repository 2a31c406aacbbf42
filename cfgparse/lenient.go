package cfgparse

import (
	"fmt"
	"strings"

	"regent/cfgparse/syntax"
)

// exact are the keywords whose numbers keepalived reads to the last character.
var exact = map[string]bool{
	"kernel_rx_buf_size": true, "active_key": true, "time_window": true,
	"multiplier": true, "ttl": true, "hoplimit": true, "max_hops": true,
	"nftables_priority": true, "vrrp_rx_bufs_multiplier": true,
	"vrrp_netlink_cmd_rcv_bufs": true, "vrrp_netlink_monitor_rcv_bufs": true, "process_monitor_rcv_bufs": true,
	"child_wait_time": true, "random_seed": true,
}

// leniently reads the first argument of a statement as keepalived does: most
// keywords take the number that a word begins with, and complain. "fall 3;" and
// "weight -20x" may have run for years where nobody reads the log.
func (l *loader) leniently(s *syntax.Statement, low, high int64) (int64, bool) {
	if len(s.Words) > 1 && !exact[s.Keyword()] {
		if n, ok := l.beginning(s.Words[1], s.Keyword(), low, high); ok {
			return n, true
		}
	}
	return l.number(s, 1, low, high)
}

// beginning returns the number in a range that a word begins with, and says so
// unless the word is a number altogether.
func (l *loader) beginning(w syntax.Word, of string, low, high int64) (int64, bool) {
	if n, ok := parseNumber(w.Text, low, high); ok {
		return n, true
	}
	n, ok := parseNumber(leadingNumber(w.Text), low, high)
	if ok {
		l.complain(w.Pos, syntax.Number, "a whole number, "+span(low, high), fmt.Sprintf("%d is used, as in keepalived", n),
			"bad value %s of %s", quote(w.Text), of)
	}
	return n, ok
}

// leadingNumber is as much of a text as is a decimal number.
func leadingNumber(text string) string {
	text = strings.TrimLeft(text, " \t")
	end := 0
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		end = 1
	}
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	return text[:end]
}
