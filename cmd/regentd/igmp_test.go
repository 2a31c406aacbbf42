package main_test

import (
	"bytes"
	"testing"
	"time"
)

// With disable_local_igmp the daemon's membership of 224.0.0.18 is not reported
// to switches; without it it is. The setting goes with the daemon.
func TestLocalIGMP(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	reports := func(since time.Time) (n int) {
		for _, f := range w.a.sent(since) {
			if b := f.Data; b[12] == 8 && b[13] == 0 && b[23] == 2 && bytes.Contains(b[34:], []byte{224, 0, 0, 18}) {
				n++
			}
		}
		return n
	}
	const setting = "net/ipv4/igmp_link_local_mcast_reports"
	hidden := time.Now()
	w.a.Proc = w.start(regentd, w.a.Host, "global_defs {\n\tdisable_local_igmp\n}\n"+w.a.conf())
	w.reign(w.a)
	if got, err := w.a.Setting(setting); err != nil || got != "0" {
		t.Errorf("%s is %s, %v", setting, got, err)
	}
	w.a.stop()
	if n := reports(hidden); n > 0 {
		t.Errorf("%d reports", n)
	}
	if got, err := w.a.Setting(setting); err != nil || got != "1" {
		t.Errorf("after the end %s is %s, %v", setting, got, err)
	}
	shown := time.Now()
	w.a.run()
	w.until("a report", func() bool { return reports(shown) > 0 })
}
