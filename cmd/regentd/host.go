package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"path/filepath"

	"regent/cfgparse"
	"regent/netif"
)

// A host is netif's, with tables of the firewall that are there only if they
// are needed. The daemon's steward alone calls Filter and Seat, and who serves
// signals alone calls hide meanwhile.
type host struct {
	*netif.Host
	settings netif.FirewallSettings
	firewall *netif.Firewall // nil: nothing is refused
	seats    *netif.Seats    // nil: no address has a seat
	unseated bool            // there can be none
	hides    bool            // disable_local_igmp
}

// openHost opens the host, removes the firewall that a killed predecessor left
// behind, and restores the settings of the kernel that it has changed. Two files
// beside the pid file, whose lock keeps others away, say what there is to undo.
func openHost(cfg *cfgparse.Global, pidFile string, log *slog.Logger) (*host, error) {
	h, err := netif.Open(log)
	if err != nil {
		return nil, err
	}
	settings := netif.FirewallSettings{Table: tableOf(cfg, pidFile), Priority: int32(cfg.Firewall.Priority), Counters: cfg.Firewall.Counters}
	if err := h.RemoveFirewall(settings.Table); err != nil {
		log.Debug("no firewall of a predecessor to remove", "error", err)
	}
	if err := h.KeepLedger(pidFile + ".settings"); err != nil {
		log.Warn("settings of the kernel may be a predecessor's", "error", err)
	}
	if err := h.KeepJournal(pidFile + ".journal"); err != nil {
		log.Warn("what a predecessor has added may stay", "error", err)
	}
	opened := &host{Host: h, settings: settings}
	opened.hide(cfg.NoLocalIGMP, log)
	return opened, nil
}

// tableOf names the tables of the firewall. Daemons that share a network namespace
// have different pid files; unless they name their tables themselves (nftables), each
// must have its own: the second would replace those of the first.
func tableOf(cfg *cfgparse.Global, pidFile string) string {
	if cfg.Firewall.Table != "" || pidFile == defaultPID {
		return cfg.Firewall.Table
	}
	if path, err := filepath.Abs(pidFile); err == nil {
		pidFile = path
	}
	return fmt.Sprintf("regent_%08x", crc32.ChecksumIEEE([]byte(pidFile)))
}

// hide keeps the host from reporting that it is a member of local groups
// (disable_local_igmp), or lets it do so again.
func (h *host) hide(groups bool, log *slog.Logger) {
	if groups == h.hides {
		return
	}
	h.hides = groups
	if groups {
		if err := h.HideGroups(); err != nil {
			log.Error("disable_local_igmp has no effect", "error", err)
		}
	} else if err := h.ShowGroups(); err != nil {
		log.Error("memberships of local groups stay unreported", "error", err)
	}
}

// Filter makes the host drop what is sent to some addresses (no_accept), and
// accept again what is sent to others.
func (h *host) Filter(refuse, accept []netif.Refusal) error {
	if h.firewall == nil {
		if len(refuse) == 0 {
			return nil
		}
		var err error
		if h.firewall, err = h.OpenFirewall(h.settings); err != nil {
			return err
		}
	}
	return h.firewall.Change(refuse, accept)
}

// Seat makes the host answer ARP requests for some addresses on some links
// alone, and for others again as the kernel likes. Where the kernel has no such
// tables it says so once; virtual routers do without.
func (h *host) Seat(take, leave []netif.Seat) error {
	if h.unseated || h.seats == nil && len(take) == 0 {
		return nil
	}
	if h.seats == nil {
		var err error
		if h.seats, err = h.OpenSeats(h.settings); err != nil {
			h.seats, h.unseated = nil, errors.Is(err, errors.ErrUnsupported)
			return fmt.Errorf("other links may answer for virtual addresses: %w", err)
		}
	}
	return h.seats.Change(take, leave)
}

// close leaves nothing behind, also of what the kernel has refused to remove once.
func (h *host) close(log *slog.Logger) {
	if _, err := h.RemoveLeftovers(netif.Kept{}); err != nil {
		log.Error("something stays behind; the next start removes it", "error", err)
	}
	if h.firewall != nil {
		if err := h.firewall.Close(); err != nil {
			log.Error("cannot remove the firewall", "error", err)
		}
	}
	if h.seats != nil {
		if err := h.seats.Close(); err != nil {
			log.Error("cannot remove the firewall", "error", err)
		}
	}
	h.hide(false, log)
	_ = h.Host.Close() // sockets alone
}
