package netif

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A journal is a file of deeds: what a host has put into the kernel and not yet
// taken back. "+ deed" is written before the kernel is asked, "- deed" after it
// has obeyed the contrary, so that after a kill the file names all that may be
// there and nothing that others have made. It is the kernel's page cache that
// has to outlive the process and not the disk the machine, so nothing is synced:
// a line costs a copy.
//
// Nobody but those who change the kernel waits for it; adverts never do.
type journal struct {
	mu    sync.Mutex
	log   *slog.Logger
	path  string
	file  *os.File        // nil: none is kept
	scene string          // its first line: which kernel and namespace it is about
	live  map[string]bool // deeds that stand
	lines int             // in the file, with the first

	devices map[int]string // deeds that made devices, by index
}

// slack is how many lines of the past a journal may have beside those that count.
const slack = 4096

// sceneOf names what a journal is about: a namespace is gone with its kernel, and
// another may have its number after a boot.
func sceneOf(namespace uint64) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return fmt.Sprintf("regent namespace %d boot %s", namespace, strings.TrimSpace(string(boot))), err
}

// open begins a journal, or goes on with that of a predecessor who was killed: its
// deeds stand.
func (j *journal) open(path string, namespace uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	scene, err := sceneOf(namespace)
	if err != nil {
		return err
	}
	live, err := readJournal(path, scene)
	j.path, j.scene, j.live = path, scene, live
	if err != nil {
		return err
	}
	return j.rewrite()
}

// readJournal returns the deeds that stand by a file. None says nothing, nor does
// one of another scene.
func readJournal(path, scene string) (live map[string]bool, err error) {
	live = map[string]bool{}
	f, err := openOwn(path)
	if errors.Is(err, fs.ErrNotExist) {
		return live, nil
	}
	if err != nil {
		return live, err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			return live, nil // a line that was cut short is of a deed that was not done
		}
		line = strings.TrimSuffix(line, "\n")
		switch sign, deed, _ := strings.Cut(line, " "); {
		case n == 0 && line != scene:
			return live, nil
		case sign == "+":
			live[deed] = true
		case sign == "-":
			delete(live, deed)
		}
	}
}

// kept reports whether deeds are noted at all.
func (j *journal) kept() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.live != nil
}

// begin notes deeds that are about to be done, and returns those of them that do
// not stand already.
func (j *journal) begin(deeds []string) (fresh map[string]bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fresh = map[string]bool{}
	var text []byte
	for _, d := range deeds {
		if j.live == nil || j.live[d] {
			continue
		}
		j.live[d], fresh[d] = true, true
		text = appendLine(text, '+', d)
	}
	j.write(text, len(fresh))
	return fresh
}

// end notes that deeds are undone, or never came to be.
func (j *journal) end(deeds ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var text []byte
	n := 0
	for _, d := range deeds {
		if j.live[d] {
			delete(j.live, d)
			text = appendLine(text, '-', d)
			n++
		}
	}
	j.write(text, n)
}

// made remembers which deed a device is, and unmade notes that it is gone.
func (j *journal) made(device int, deed string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.devices[device] = deed
}

func (j *journal) unmade(device int) {
	j.mu.Lock()
	deed := j.devices[device]
	delete(j.devices, device)
	j.mu.Unlock()
	j.end(deed)
}

func appendLine(text []byte, sign byte, deed string) []byte {
	return append(append(append(text, sign, ' '), deed...), '\n')
}

// standing returns the deeds that stand.
func (j *journal) standing() (deeds []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for d := range j.live {
		deeds = append(deeds, d)
	}
	return deeds
}

// write appends lines, or begins the file anew when most of it is past. That it
// cannot be written is told of once; then none is kept. It wants the lock held.
func (j *journal) write(text []byte, lines int) {
	if j.file == nil || lines == 0 {
		return
	}
	j.lines += lines
	var err error
	if j.lines > 2*len(j.live)+slack {
		err = j.rewrite()
	} else {
		_, err = j.file.Write(text)
	}
	if err != nil {
		j.log.Warn("what is added now would stay after a crash", "error", err)
		_ = j.file.Close()
		_ = os.Remove(j.path) // it tells of the past
		j.file = nil
	}
}

// rewrite gives the file the deeds that stand and nothing else.
func (j *journal) rewrite() error {
	text := append([]byte(j.scene), '\n')
	for d := range j.live {
		text = appendLine(text, '+', d)
	}
	if err := replaceFile(j.path, text); err != nil {
		return err
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	if j.file != nil {
		_ = j.file.Close()
	}
	j.file, j.lines = f, len(j.live)+1
	return nil
}

// close closes the file, and removes it if nothing stands.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if len(j.live) > 0 {
		return err
	}
	if removed := os.Remove(j.path); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}
