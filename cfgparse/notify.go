package cfgparse

import "regent/cfgparse/syntax"

func instanceNotify() []*Keyword {
	return append(notifyRows(func(d *draft) *Notify { return &d.Notify }),
		key("notify_deleted", B, custom(`["COMMAND" [USER [GROUP]]]`, func(l *loader, d *draft, s *syntax.Statement) {
			d.Notify.TellDeleted = true
			if len(s.Words) > 1 {
				d.Notify.Deleted = l.command(s)
			}
		}, func(d *draft) string { return yesNo(d.Notify.TellDeleted) }), "", "tell when a reload removes the instance"),
		key("notify_master_rx_lower_pri", B, script(func(d *draft) **Command { return &d.Notify.LowerPriority }), "", "run when a master hears a lower priority"),
	)
}

// notifyRows are the keywords by which instances and groups tell of changes.
func notifyRows[T any](field func(*T) *Notify) []*Keyword {
	return []*Keyword{
		key("notify_master", A, script(func(t *T) **Command { return &field(t).Master }), "", "run on becoming MASTER"),
		key("notify_backup", A, script(func(t *T) **Command { return &field(t).Backup }), "", "run on becoming BACKUP"),
		key("notify_fault", A, script(func(t *T) **Command { return &field(t).Fault }), "", "run on entering FAULT"),
		key("notify_stop", A, script(func(t *T) **Command { return &field(t).Stop }), "", "run at the end"),
		key("notify", A, script(func(t *T) **Command { return &field(t).Any }), "", "run on every change, with four more arguments"),
		key("notify_priority_changes", B, maybe(func(t *T) **bool { return &field(t).PriorityChanges }), "vrrp_notify_priority_changes", "tell the pipes of changes of priority"),
		key("smtp_alert", A, maybe(func(t *T) **bool { return &field(t).Mail }), "smtp_alert_vrrp", "mail on every change"),
	}
}
