package health

import "testing"

// keepalived-language 4.2.7. A history is a word of s (success) and f
// (failure); its answer has one letter each: what the check is after it, G
// (good) or B (bad), in lower case where that is not news.
func TestStreak(t *testing.T) {
	for _, c := range []struct {
		name           string
		rise, fall     int
		initFail       bool
		history, stand string
	}{
		{"one success makes it good at start", 3, 3, false, "s", "G"},
		{"one failure makes it bad at start", 3, 3, false, "f", "B"},
		{"after a first failure it takes rise successes", 3, 2, false, "fsss", "BbbG"},
		{"after a first success it takes fall failures", 2, 3, false, "sfff", "GggB"},
		{"a success in between starts the failures anew", 1, 3, false, "sffsfff", "GgggggB"},
		{"a failure in between starts the successes anew", 3, 1, false, "fssfsss", "BbbbbbG"},
		{"init_fail waits for rise successes", 3, 1, true, "sss", "bbG"},
		{"init_fail is not surprised by a failure", 2, 1, true, "fss", "bbG"},
		{"init_fail with rise 1", 1, 1, true, "s", "G"},
		{"one and one flips each time", 1, 1, false, "sfsffs", "GBGBbG"},
		{"limits below 1 mean 1", 0, 0, false, "sf", "GB"},
		{"long histories do not overflow the counter", 2, 2, false, "ssssssffffffss", "GggggggBbbbbbG"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStreak(c.rise, c.fall, c.initFail)
			got := ""
			for _, r := range c.history {
				got += letter(s.add(r == 's'), s.up())
			}
			if got != c.stand {
				t.Errorf("rise %d, fall %d: %s gives %s, want %s", c.rise, c.fall, c.history, got, c.stand)
			}
		})
	}
}

func letter(news, up bool) string {
	switch {
	case news && up:
		return "G"
	case news:
		return "B"
	case up:
		return "g"
	}
	return "b"
}

// keepalived-language 4.2.7 once more, by its own words: a counter from 0 to
// rise+fall-1 and what moves it. Every history of eight results agrees.
func TestStreakIsTheCounter(t *testing.T) {
	for rise := 1; rise <= 4; rise++ {
		for fall := 1; fall <= 4; fall++ {
			for history := range 1 << 8 {
				s := newStreak(rise, fall, history%2 == 0)
				counter := rise - 1
				if history%2 == 0 {
					counter = 0
				}
				for i := range 8 {
					ok := history>>i&1 == 1
					s.add(ok)
					if ok {
						if counter++; counter >= rise {
							counter = rise + fall - 1
						}
					} else if counter--; counter < rise {
						counter = 0
					}
					if s.up() != (counter >= rise) {
						t.Fatalf("rise %d, fall %d, history %08b: after %d results up is %v", rise, fall, history, i+1, s.up())
					}
				}
			}
		}
	}
}

// keepalived-language 4.2.12: new limits do not change how a check stands.
func TestStreakKeepsItsStandingWithNewLimits(t *testing.T) {
	s := newStreak(1, 1, false)
	s.add(true)
	s.adjust(3, 2)
	if got := letter(s.add(false), s.up()) + letter(s.add(false), s.up()); got != "gB" {
		t.Errorf("good, then fall 2 and two failures: %s", got)
	}
	s.adjust(2, 5)
	if got := letter(s.add(true), s.up()) + letter(s.add(true), s.up()); got != "bG" {
		t.Errorf("bad, then rise 2 and two successes: %s", got)
	}
	s = newStreak(2, 2, false)
	s.adjust(3, 3)
	if got := letter(s.add(true), s.up()); got != "G" {
		t.Errorf("nothing known, then rise 3 and a success: %s", got)
	}
}
