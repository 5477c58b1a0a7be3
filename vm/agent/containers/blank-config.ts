/** What a container's configuration says where nothing was asked for, the part that inspect shows without its image. */
export const BLANK_CONFIG = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
} as const
