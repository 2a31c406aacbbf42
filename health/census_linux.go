package health

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A census knows which processes every check of this kind counts. It looks at
// the whole table once for each new check, then at single processes when the
// kernel says that they have changed.
type census struct {
	events taskSource // nil: the kernel does not tell
	stop   chan struct{}

	mu     sync.Mutex
	counts map[*count]bool
}

// A taskSource tells what happens to processes. It fails with ENOBUFS when more
// has happened than it could hold.
type taskSource interface {
	read() ([]taskEvent, error)
	close()
}

// A count is of one check.
type count struct {
	check *ProcessCheck
	tasks map[int]bool // those that match, by process
	news  chan int     // holds the latest number
}

// lookAround is how often the whole table is searched where the kernel does
// not tell of changes: in containers, with network or process namespaces of
// their own.
const lookAround = time.Second

func newCensus() *census {
	c := &census{stop: make(chan struct{}), counts: map[*count]bool{}}
	if events, err := openTaskEvents(); err == nil {
		c.events = events
		go c.listen()
	} else {
		go c.patrol()
	}
	return c
}

func (c *census) close() {
	close(c.stop)
	if c.events != nil {
		c.events.close()
	}
}

// follow returns a channel of how many processes match, beginning with how
// many do now.
func (c *census) follow(check *ProcessCheck) (counts <-chan int, stop func()) {
	n := &count{check: check, tasks: map[int]bool{}, news: make(chan int, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[n] = true
	c.recount(n)
	n.tell()
	return n.news, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.counts, n)
	}
}

// listen keeps the counts by what the kernel tells.
func (c *census) listen() {
	for {
		events, err := c.events.read()
		switch {
		case errors.Is(err, syscall.ENOBUFS): // more has happened than we could hear
			c.recountAll()
		case err != nil:
			c.patrol()
			return
		}
		c.mu.Lock()
		for _, e := range events {
			c.heard(e)
		}
		c.mu.Unlock()
	}
}

// patrol keeps the counts by looking at the whole table.
func (c *census) patrol() {
	tick := time.NewTicker(lookAround)
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
			c.recountAll()
		}
	}
}

func (c *census) heard(e taskEvent) {
	switch e.what {
	case taskForked:
		// A child begins as the image of its parent, which most often
		// nobody counts.
		if c.counted(e.parent) {
			c.examine(e.pid)
		}
	case taskExecuted, taskRenamed:
		c.examine(e.pid)
	case taskExited:
		for n := range c.counts {
			n.set(e.pid, false)
		}
	}
}

func (c *census) counted(pid int) bool {
	for n := range c.counts {
		if n.tasks[pid] {
			return true
		}
	}
	return false
}

// examine looks at one process for all checks.
func (c *census) examine(pid int) {
	if len(c.counts) == 0 {
		return
	}
	t, alive := look(pid, c.needsArguments())
	for n := range c.counts {
		n.set(pid, alive && n.check.matches(t))
	}
}

func (c *census) needsArguments() bool {
	for n := range c.counts {
		if n.check.needsArguments() {
			return true
		}
	}
	return false
}

func (c *census) recountAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*count, 0, len(c.counts))
	before := map[*count]int{}
	for n := range c.counts {
		all = append(all, n)
		before[n] = len(n.tasks)
		clear(n.tasks)
	}
	c.recount(all...)
	for _, n := range all {
		if len(n.tasks) != before[n] {
			n.tell()
		}
	}
}

// recount fills counts from the table of processes, and tells nobody.
func (c *census) recount(counts ...*count) {
	if len(counts) == 0 {
		return
	}
	names, _ := readNames("/proc")
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if t, alive := look(pid, c.needsArguments()); alive {
			for _, n := range counts {
				if n.check.matches(t) {
					n.tasks[pid] = true
				}
			}
		}
	}
}

// set notes whether a process matches.
func (n *count) set(pid int, matches bool) {
	if n.tasks[pid] == matches {
		return
	}
	if matches {
		n.tasks[pid] = true
	} else {
		delete(n.tasks, pid)
	}
	n.tell()
}

// tell passes the number on, in place of one that was not heard yet. Its
// callers hold the lock, so there is always room.
func (n *count) tell() {
	select {
	case <-n.news:
	default:
	}
	n.news <- len(n.tasks)
}

// look looks at one process. One that has ended and was not yet waited for is
// not alive.
func look(pid int, arguments bool) (t task, alive bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return task{}, false
	}
	// "12 (name) S ...": the name may hold anything, even parentheses.
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || shut < open || shut+2 >= len(stat) || strings.IndexByte("ZXx", stat[shut+2]) >= 0 {
		return task{}, false
	}
	t.comm = string(stat[open+1 : shut])
	if arguments {
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			return task{}, false
		}
		if text := strings.TrimSuffix(string(line), "\x00"); text != "" {
			t.argv = strings.Split(text, "\x00")
		}
	}
	return t, true
}

// readNames returns the names in a directory, in no order.
func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
