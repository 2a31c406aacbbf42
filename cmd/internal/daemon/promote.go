package daemon

import "regent/cfgparse"

// promotingOf returns the interfaces whose routers want promote_secondaries.
func promotingOf(cfg *cfgparse.Config) (interfaces []string) {
	for i := range cfg.Instances {
		if in := &cfg.Instances[i]; in.PromoteSecondaries {
			interfaces = append(interfaces, in.Port.Interface)
		}
	}
	return interfaces
}

// promote makes the kernel keep the other addresses of a network when its
// first one leaves a link (promote_secondaries), on the links of the routers
// that ask for it. It comes before anything is removed from them.
func (d *Daemon) promote() {
	for index := range d.toPromote() {
		if !d.promoted[index] {
			d.promoted[index] = true
			d.steward.give(order{do: promote, link: index})
		}
	}
}

// demote restores the links where no router asks for it any more, after
// everything that goes has been removed from them.
func (d *Daemon) demote() {
	wanted := d.toPromote()
	for index := range d.promoted {
		if !wanted[index] {
			delete(d.promoted, index)
			d.steward.give(order{do: demote, link: index})
		}
	}
}

// toPromote returns the links, by index, whose secondary addresses some router
// wants promoted; none when the daemon ends.
func (d *Daemon) toPromote() map[int]bool {
	wanted := make(map[int]bool)
	for _, name := range d.promoting {
		if l := d.links[name]; l != nil && !d.ended {
			wanted[l.Index] = true
		}
	}
	return wanted
}
