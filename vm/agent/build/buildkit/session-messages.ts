/** Messages of the services that a client offers on its session, by the names of BuildKit's .proto files. */
import {
  bytes,
  bytesMap,
  int,
  type MessageOf,
  message,
  messages,
  nested,
  string,
  stringMap,
} from './proto.ts'

/** fsutil: one entry of a directory; `mode` has the bits of Go's FileMode. */
export const Stat = message({
  path: string(1),
  mode: int(2),
  uid: int(3),
  gid: int(4),
  size: int(5),
  /** Nanoseconds since the epoch. */
  modTime: int(6),
  linkname: string(7),
  devmajor: int(8),
  devminor: int(9),
  xattrs: bytesMap(10),
})

export const PacketType = { STAT: 0, REQ: 1, DATA: 2, FIN: 3, ERR: 4 } as const
export const Packet = message({ type: int(1), stat: nested(2, Stat), id: int(3), data: bytes(4) })

/** Go's os.FileMode. */
export const GoMode = {
  DIR: 2 ** 31,
  SYMLINK: 2 ** 27,
  DEVICE: 2 ** 26,
  PIPE: 2 ** 25,
  SOCKET: 2 ** 24,
  SETUID: 2 ** 23,
  SETGID: 2 ** 22,
  CHAR_DEVICE: 2 ** 21,
  STICKY: 2 ** 20,
  IRREGULAR: 2 ** 19,
} as const

export const BytesMessage = message({ data: bytes(1) })

export const CredentialsRequest = message({ Host: string(1) })
export const CredentialsResponse = message({ Username: string(1), Secret: string(2) })
export const GetSecretRequest = message({ ID: string(1), annotations: stringMap(2) })
export const GetSecretResponse = message({ data: bytes(1) })
export const CheckAgentRequest = message({ ID: string(1) })
export const CheckAgentResponse = message({})

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto */
export type Detail = Partial<MessageOf<typeof Any>>
const Any = message({ type_url: string(1), value: bytes(2) })
export const RpcStatus = message({ code: int(1), message: string(2), details: messages(3, Any) })
