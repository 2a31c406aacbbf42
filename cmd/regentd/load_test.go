package main

import (
	"testing"
	"time"

	"regent/cfgparse"
)

// The longer of vrrp_startup_delay and what is left of vrrp_delay_after_boot counts.
func TestDelayAfterBoot(t *testing.T) {
	for _, c := range []struct{ startup, afterBoot, want time.Duration }{
		{0, 0, 0},
		{time.Minute, 0, time.Minute},
		{0, sinceBoot + time.Hour, time.Hour},
		{2 * time.Hour, sinceBoot + time.Hour, 2 * time.Hour},
		{0, sinceBoot / 2, 0}, // it has long been up
	} {
		var cfg cfgparse.Config
		cfg.Global.DelayAfterBoot = c.afterBoot
		cfg.Instances = make([]cfgparse.Instance, 1)
		cfg.Instances[0].Router.StartDelay = c.startup
		waitAfterBoot(&cfg)
		if got := cfg.Instances[0].Router.StartDelay; got != c.want {
			t.Errorf("%v, %v after boot: waits %v, want %v", c.startup, c.afterBoot, got, c.want)
		}
	}
	if sinceBoot <= 0 {
		t.Error("the machine has never been booted")
	}
}
