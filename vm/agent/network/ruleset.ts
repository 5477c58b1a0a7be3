/** The one nftables ruleset of the VM. Static: what changes are elements of its sets and of its map. Pure. */

import { HOST_GATEWAY } from './forwards.ts'

/** The VM's network device: QEMU's user network. */
export const UPLINK = 'eth0'
/** QEMU hands out no IPv6 address but answers for a fixed prefix; the user's computer is its ::2. */
export const UPLINK_SIX = {
  address: { family: 6, value: 0xfec0n * (1n << 112n) + 0x15n },
  bits: 64,
  gateway: { family: 6, value: 0xfec0n * (1n << 112n) + 2n },
} as const

/** Name of the table, family inet. */
export const TABLE = 'slipway'

/** Names of its sets and map. */
export const Sets = {
  /** Interface names of all our bridges. */
  bridges: 'bridges',
  /** Each bridge paired with itself: traffic that leaves where it came in. */
  same: 'same',
  /** Bridges whose traffic to the outside takes the VM's address. */
  masquerade: 'masq',
  /** Bridges without a way out. */
  internal: 'internal',
  /** Published ports of the double model: protocol . port of the VM → container address . port. */
  publish: 'publish',
} as const

/**
 * Text for `nft -f -`, one transaction. Replaying it on a loaded table changes nothing (`add`), except that the chains
 * are rewritten. The host itself (and nothing else out there) reaches containers directly: published ports of the direct
 * model come in that way, with the bridge's address as their source, as through Docker's own proxy. Established connections keep their translation when an element goes.
 */
export const RULESET = `
add table inet ${TABLE}
add set inet ${TABLE} ${Sets.bridges} { type ifname; }
add set inet ${TABLE} ${Sets.same} { type ifname . ifname; }
add set inet ${TABLE} ${Sets.masquerade} { type ifname; }
add set inet ${TABLE} ${Sets.internal} { type ifname; }
add map inet ${TABLE} ${Sets.publish} { type inet_proto . inet_service : ipv4_addr . inet_service; }

add chain inet ${TABLE} prerouting { type nat hook prerouting priority dstnat; policy accept; }
add chain inet ${TABLE} output { type nat hook output priority -100; policy accept; }
add chain inet ${TABLE} postrouting { type nat hook postrouting priority srcnat; policy accept; }
add chain inet ${TABLE} forward { type filter hook forward priority filter; policy accept; }
flush chain inet ${TABLE} prerouting
flush chain inet ${TABLE} output
flush chain inet ${TABLE} postrouting
flush chain inet ${TABLE} forward

add rule inet ${TABLE} prerouting fib daddr type local dnat ip to meta l4proto . th dport map @${Sets.publish}
add rule inet ${TABLE} output ip daddr != 127.0.0.0/8 fib daddr type local dnat ip to meta l4proto . th dport map @${Sets.publish}

add rule inet ${TABLE} postrouting oifname @${Sets.bridges} ct status dnat masquerade
add rule inet ${TABLE} postrouting oifname @${Sets.bridges} iifname ${UPLINK} ip saddr ${HOST_GATEWAY} masquerade
add rule inet ${TABLE} postrouting iifname @${Sets.masquerade} oifname != @${Sets.bridges} masquerade

add rule inet ${TABLE} forward ct state established,related accept
add rule inet ${TABLE} forward ct status dnat accept
add rule inet ${TABLE} forward iifname ${UPLINK} ip saddr ${HOST_GATEWAY} accept
add rule inet ${TABLE} forward iifname . oifname @${Sets.same} accept
add rule inet ${TABLE} forward iifname @${Sets.internal} drop
add rule inet ${TABLE} forward oifname @${Sets.bridges} drop
`
