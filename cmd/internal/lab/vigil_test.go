package lab

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

func TestAVigilSeesWhoWaits(t *testing.T) {
	l := open(t)
	a := host(t, l, "a")
	v := l.Vigil()
	defer v.End()
	// Of many that want all processors some always wait.
	spin := fmt.Sprintf("for i in $(seq %d); do (while :; do :; done) & done; wait", 2*runtime.NumCPU())
	if _, err := a.Start(Command{Path: "sh", Args: []string{"-c", spin}}); err != nil {
		t.Fatal(err)
	}
	until(t, l, "the children have waited", func() bool {
		v.mu.Lock()
		late := v.late
		v.mu.Unlock()
		return v.Lost()-late >= 200*time.Millisecond
	})
}
