/** The part of Node 26's `node:ffi` that the agent uses (https://nodejs.org/docs/latest-v26.x/api/ffi.html). */
declare module 'node:ffi' {
  export type FfiType = 'i32' | 'u32' | 'i64' | 'u64' | 'pointer' | 'buffer' | 'string' | 'void'
  export type FfiArgument = number | bigint | string | Uint8Array | null
  export interface FfiSignature {
    readonly arguments: readonly FfiType[]
    readonly return: FfiType
  }
  export function dlopen<T extends Record<string, FfiSignature>>(
    /** null is the program itself. */
    path: string | null,
    definitions: T,
  ): {
    readonly functions: {
      readonly [K in keyof T]: (
        ...args: FfiArgument[]
      ) => T[K]['return'] extends 'i32' | 'u32' ? number : bigint
    }
  }
  /** Reads a C int at `pointer` + `offset` bytes. */
  export function getInt32(pointer: bigint, offset: number): number
  /** Address of a buffer's memory. */
  export function getRawPointer(buffer: Uint8Array): bigint
}
