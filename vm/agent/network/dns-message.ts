/** DNS wire format (RFC 1035), as much as the embedded resolver needs: questions, address and name answers. Pure. */

export const RecordType = { A: 1, PTR: 12, AAAA: 28 } as const
export const ResponseCode = { NoError: 0, FormatError: 1, ServerFailure: 2 } as const

const HEADER = 12
const CLASS_IN = 1

export interface Question {
  id: number
  flags: number
  /** Lower case, without the final dot. */
  name: string
  type: number
  /** Offset behind the question. */
  end: number
}

/** The only question of a standard query; undefined when the message is anything else or torn. */
export function parseQuestion(message: Buffer): Question | undefined {
  if (message.length < HEADER + 5) return undefined
  const flags = message.readUInt16BE(2)
  const isStandardQuery = (flags & 0xf800) === 0
  if (!isStandardQuery || message.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = HEADER
  for (;;) {
    const length = message[at]
    // No compression in the first name of a message.
    if (length === undefined || length > 63) return undefined
    at += 1
    if (length === 0) break
    if (at + length > message.length) return undefined
    labels.push(message.toString('latin1', at, at + length))
    at += length
  }
  if (at + 4 > message.length || message.readUInt16BE(at + 2) !== CLASS_IN) return undefined
  const name = labels.join('.').toLowerCase()
  return { id: message.readUInt16BE(0), flags, name, type: message.readUInt16BE(at), end: at + 4 }
}

/** An answer to `query` with these records; authoritative only in that nobody else knows the names. */
export function answer(
  query: Buffer,
  question: Question,
  records: readonly { type: number; data: Buffer }[],
  ttl: number,
): Buffer {
  const parts = records.map(({ type, data }) => {
    const head = Buffer.alloc(12)
    head.writeUInt16BE(0xc000 | HEADER, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt16BE(CLASS_IN, 4)
    head.writeUInt32BE(ttl, 6)
    head.writeUInt16BE(data.length, 10)
    return Buffer.concat([head, data])
  })
  return Buffer.concat([reply(query, question, ResponseCode.NoError, records.length), ...parts])
}

/** An answer that only says how it went. */
export function refusal(query: Buffer, question: Question, code: number): Buffer {
  return reply(query, question, code, 0)
}

function reply(query: Buffer, question: Question, code: number, answers: number): Buffer {
  const message = Buffer.from(query.subarray(0, question.end))
  // QR, RA, and RD as it was asked.
  message.writeUInt16BE(0x8080 | (question.flags & 0x0100) | code, 2)
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(answers, 6)
  message.writeUInt32BE(0, 8)
  return message
}

/** A name in wire format. */
export function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1').subarray(0, 63))
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])])
}

/** The address that a reverse name asks for: `2.0.17.172.in-addr.arpa` → `172.17.0.2`; IPv6 as 32 digits. */
export function reverseAddress(
  name: string,
): { family: 4; text: string } | { family: 6; hex: string } | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name)
  if (v4) return { family: 4, text: v4.slice(1).reverse().join('.') }
  const v6 = /^(?<nibbles>(?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.groups?.['nibbles']
  return v6 === undefined
    ? undefined
    : { family: 6, hex: v6.replaceAll('.', '').split('').reverse().join('') }
}
