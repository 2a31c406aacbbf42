package main_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"
)

// With disable_local_igmp the daemon's membership of 224.0.0.18 is not reported
// to switches; without it it is. The setting goes with the daemon, and comes and
// goes with a reload.
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
	w.a.stop()

	path, err := w.File("reloaded.conf", w.a.conf())
	w.must(err)
	w.a.Proc = w.start(regentd, w.a.Host, "", "-f", path)
	w.reign(w.a)
	for _, c := range []struct{ global, want string }{{"disable_local_igmp", "0"}, {"", "1"}, {"disable_local_igmp", "0"}} {
		_, err = w.File("reloaded.conf", "global_defs {\n\t"+c.global+"\n}\n"+w.a.conf())
		w.must(err)
		w.must(w.a.Signal(syscall.SIGHUP))
		w.until(setting+" is "+c.want, func() bool { got, err := w.a.Setting(setting); w.must(err); return got == c.want })
	}
	w.a.stop()
	if got, err := w.a.Setting(setting); err != nil || got != "1" {
		t.Errorf("after the end of the last %s is %s, %v", setting, got, err)
	}
}
