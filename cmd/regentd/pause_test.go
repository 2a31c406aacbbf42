package main_test

import (
	"syscall"
	"testing"
)

// timer_expired_backup: a master whose process stood still while another router
// took over gives the address up when it runs again, and leaves the other one
// in peace. Without the word it takes the address back, as S-34 wants.
func TestAPausedMaster(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"timer_expired_backup", ""} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			first, second := s.host("first", "192.0.2.1/24"), s.host("second", "192.0.2.2/24")
			// The first goes on to hear the second, however busy that is.
			p := s.start(regentd, first, instance("eth0", 150, "0.5", "nopreempt", line, "down_timer_adverts 12"))
			s.until("the first is master", func() bool { return p.Said("Entering MASTER STATE") && first.Has(vip) })
			q := s.start(regentd, second, instance("eth0", 100, "0.5", "nopreempt"))
			s.until("the second is backup", func() bool { return q.Said("Entering BACKUP STATE") })
			s.must(p.Signal(syscall.SIGSTOP))
			s.until("the second has taken over", func() bool { return q.Said("Entering MASTER STATE") && second.Has(vip) })
			n := len(s.sentBy(second))
			s.until("it has spoken for longer than a bare timer_expired_backup waits", func() bool { return len(s.sentBy(second)) >= n+14 })
			s.must(p.Signal(syscall.SIGCONT))
			if line == "" {
				s.until("the second has yielded", func() bool { return q.Said("Entering BACKUP STATE", "was=MASTER") })
				if p.Said("Entering BACKUP STATE", "was=MASTER") {
					t.Errorf("so has the first:\n%s", p.Log())
				}
				return
			}
			s.until("the first has yielded", func() bool {
				return p.Said("Entering BACKUP STATE", "was=MASTER", "so that another router may have taken over")
			})
			n = len(s.sentBy(second))
			s.until("the second goes on", func() bool { return len(s.sentBy(second)) >= n+10 })
			if q.Said("Entering BACKUP STATE", "was=MASTER") {
				t.Errorf("the second has yielded:\n%s", q.Log())
			}
			s.until("the first has no address", func() bool { return !first.Has(vip) })
		})
	}
}
