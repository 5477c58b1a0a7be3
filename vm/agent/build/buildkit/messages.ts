/** Messages of the control and gateway services, by the names of BuildKit's .proto files; only the fields used here. */
import {
  bool,
  byteStrings,
  bytes,
  bytesMap,
  int,
  message,
  messageMap,
  messages,
  nested,
  string,
  stringMap,
  strings,
  timestamp,
} from './proto.ts'
import { RpcStatus } from './session-messages.ts'

export const Empty = message({})

const Platform = message({ Architecture: string(1), OS: string(2), Variant: string(3) })
export const WorkerRecord = message({ ID: string(1), Labels: stringMap(2), platforms: messages(3, Platform) })
const BuildkitVersion = message({ package: string(1), version: string(2), revision: string(3) })
export const ListWorkersResponse = message({ record: messages(1, WorkerRecord) })
export const InfoResponse = message({ buildkitVersion: nested(1, BuildkitVersion) })

export const UsageRecord = message({
  ID: string(1),
  Mutable: bool(2),
  InUse: bool(3),
  Size: int(4),
  CreatedAt: timestamp(6),
  LastUsedAt: timestamp(7),
  UsageCount: int(8),
  Description: string(9),
  RecordType: string(10),
  Shared: bool(11),
  Parents: strings(12),
})
export const DiskUsageRequest = message({ filter: strings(1) })
export const DiskUsageResponse = message({ record: messages(1, UsageRecord) })
export const PruneRequest = message({
  filter: strings(1),
  all: bool(2),
  /** Nanoseconds. */
  keepDuration: int(3),
  reservedSpace: int(4),
  maxUsedSpace: int(5),
  minFreeSpace: int(6),
})

/** Low-level build graphs are not ours: what is told apart is only whether there is one. */
const Definition = message({ def: byteStrings(1) })
const CacheEntry = message({ Type: string(1), Attrs: stringMap(2) })
const CacheOptions = message({ Exports: messages(4, CacheEntry), Imports: messages(5, CacheEntry) })
export const Exporter = message({ Type: string(1), Attrs: stringMap(2) })

export const SolveRequest = message({
  Ref: string(1),
  Definition: nested(2, Definition),
  ExporterDeprecated: string(3),
  ExporterAttrsDeprecated: stringMap(4),
  Session: string(5),
  Frontend: string(6),
  FrontendAttrs: stringMap(7),
  Cache: nested(8, CacheOptions),
  Entitlements: strings(9),
  FrontendInputs: messageMap(10, Definition),
  Exporters: messages(13, Exporter),
})
export const SolveResponse = message({ ExporterResponse: stringMap(1) })

const Vertex = message({
  digest: string(1),
  inputs: strings(2),
  name: string(3),
  cached: bool(4),
  started: timestamp(5),
  completed: timestamp(6),
  error: string(7),
})
const VertexStatus = message({
  ID: string(1),
  vertex: string(2),
  name: string(3),
  current: int(4),
  total: int(5),
  timestamp: timestamp(6),
  started: timestamp(7),
  completed: timestamp(8),
})
const VertexLog = message({ vertex: string(1), timestamp: timestamp(2), stream: int(3), msg: bytes(4) })
const VertexWarning = message({ vertex: string(1), level: int(2), short: bytes(3) })
export const StatusRequest = message({ Ref: string(1) })
export const StatusResponse = message({
  vertexes: messages(1, Vertex),
  statuses: messages(2, VertexStatus),
  logs: messages(3, VertexLog),
  warnings: messages(4, VertexWarning),
})

const ApiCap = message({ ID: string(1), Enabled: bool(2) })
export const PongResponse = message({
  FrontendAPICaps: messages(1, ApiCap),
  LLBCaps: messages(2, ApiCap),
  Workers: messages(3, WorkerRecord),
})
export const GatewaySolveRequest = message({
  Definition: nested(1, Definition),
  Frontend: string(2),
  FrontendOpt: stringMap(3),
  CacheImports: messages(12, CacheEntry),
  FrontendInputs: messageMap(13, Definition),
})
const Ref = message({ id: string(1) })
const RefMap = message({ refs: messageMap(1, Ref) })
export const Result = message({
  refDeprecated: string(1),
  ref: nested(3, Ref),
  refs: nested(4, RefMap),
  metadata: bytesMap(10),
})
export const GatewaySolveResponse = message({ ref: string(1), result: nested(3, Result) })
export const ReturnRequest = message({ result: nested(1, Result), error: nested(2, RpcStatus) })
