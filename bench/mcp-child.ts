/**
 * The server of `mcp`: one enhancer behind standard input and output and behind HTTP at once, its result cache off.
 * Says on standard error where HTTP is; ends with its input.
 */
import { serveMcp } from '../src/adapters/mcp-serve.ts'
import { EvidenceEnhancer } from '../src/index.ts'

const ending = new AbortController()
const enhancer = await EvidenceEnhancer.open({ ready: 'all', telemetry: false, maxCacheSize: 0 })
const http = serveMcp(enhancer, {
  transport: 'http',
  port: 0,
  signal: ending.signal,
  onListening: url => console.error(JSON.stringify({ url })),
})
await serveMcp(enhancer, { transport: 'stdio' })
ending.abort()
await http
process.stdin.destroy()
