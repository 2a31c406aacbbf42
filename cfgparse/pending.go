package cfgparse

import "strings"

// pendingWords are the keywords that regent understands and checks but does
// not act on yet, by block. Each draws one warning where it stands. This is
// the one place to strike a word when regent learns it.
var pendingWords = map[string]string{
	"": `
		linkbeat_use_polling
		linkbeat_interfaces
	`,
	"global_defs": `
		process_names
		process_name
		vrrp_process_name
		bfd_process_name
		vrrp_rlimit_rttime
		bfd_priority
		bfd_no_swap
		bfd_rt_priority
		bfd_cpu_affinity
		bfd_rlimit_rttime
		config_save_dir
		tmp_config_directory
		iproute_usr_dir
		iproute_etc_dir
		use_symlink_paths
		vrrp_rx_bufs_policy
		vrrp_rx_bufs_multiplier
		vrrp_netlink_cmd_rcv_bufs
		vrrp_netlink_monitor_rcv_bufs
		vrrp_netlink_cmd_rcv_bufs_force
		vrrp_netlink_monitor_rcv_bufs_force
		process_monitor_rcv_bufs
		process_monitor_rcv_bufs_force
		nftables_ifindex
		snmp_socket
		enable_traps
		enable_snmp_vrrp
		enable_snmp_rfc
		enable_snmp_rfcv2
		enable_snmp_rfcv3
		enable_dbus
		dbus_service_name
		dbus_no_interface_name
		lvs_sync_daemon
	`,
	"vrrp_instance": `
		linkbeat_use_polling
		kernel_rx_buf_size
		lvs_sync_daemon_interface
	`,
}

func isPending(block, keyword string) bool {
	for _, w := range strings.Fields(pendingWords[block]) {
		if w == keyword {
			return true
		}
	}
	return false
}
