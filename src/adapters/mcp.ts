/**
 * The MCP server: evidence tools on `@modelcontextprotocol/server`, for a transport of one's own or beside other
 * tools. `mcp-serve.ts` runs one over stdio or HTTP.
 */
import {
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
  TRACEPARENT_META_KEY,
} from '@modelcontextprotocol/server'
import { names } from '../core/telemetry.ts'
import { version } from '../runner.ts'
import {
  type EvidenceTool,
  type EvidenceToolsOptions,
  evidenceTools,
  type ServedEnhancer,
  type ToolCall,
} from './mcp-tools.ts'

export * from './mcp-tools.ts'

const instructions =
  'Checks claims against evidence on this machine. Give check_claim a claim and the texts of its sources; ask for nothing that the sources do not hold. A tool error with retryAfterMs means: come again then.'

/**
 * A server with the evidence tools; connect it to a transport, or hand it to an entry that serves every protocol
 * era. The enhancer stays the caller's to close. Where one is made for each request, make the tools once: see
 * `evidenceServerOf`.
 *
 * @example
 * serveStdio(() => createEvidenceServer(enhancer))
 */
export const createEvidenceServer = (
  enhancer: ServedEnhancer,
  options: EvidenceToolsOptions = {},
): McpServer => evidenceServerOf(evidenceTools(enhancer, options))

/** A server over tools that were made before: those of one process share their limits whatever the transport. */
export function evidenceServerOf(tools: readonly EvidenceTool[]): McpServer {
  const server = new McpServer(
    { name: 'evidence-runner', title: 'Evidence Runner', version },
    // The list of tools never changes.
    { capabilities: { tools: { listChanged: false } }, instructions },
  )
  addEvidenceTools(server, tools)
  return server
}

/** Adds the tools to a server that has others already. */
export function addEvidenceTools(server: McpServer, tools: readonly EvidenceTool[]): void {
  for (const { config, handler, name } of tools) {
    const { inputSchema, outputSchema, ...rest } = config
    server.registerTool(
      name,
      { ...rest, inputSchema: advertised(inputSchema), outputSchema: advertised(outputSchema) },
      async (given: unknown, context: ServerContext) => handler(given, callOf(context)),
    )
  }
}

/** Where the caller's trace is carried on from: the message says it, else the request that brought the message. */
function traceparentOf({ http, mcpReq }: ServerContext): string | undefined {
  const given: unknown = mcpReq._meta?.[TRACEPARENT_META_KEY]
  return typeof given === 'string' ? given : (http?.req?.headers.get('traceparent') ?? undefined)
}

/** Signal, caller and progress of a request; progress is told where the caller gave a token, and only upwards. */
function callOf(context: ServerContext): ToolCall {
  const { mcpReq, sessionId } = context
  const { _meta, id, notify, signal } = mcpReq
  const progressToken = _meta?.progressToken
  const session = sessionId === undefined ? {} : { [names.mcpSession]: sessionId }
  const who = {
    signal,
    traceparent: traceparentOf(context),
    // The caller's own: as long as it likes.
    attributes: { [names.rpcRequest]: String(id).slice(0, 64), ...session },
    ...(sessionId === undefined ? {} : { caller: `mcp ${sessionId}` }),
  }
  if (progressToken === undefined) return who
  let told = 0
  return {
    ...who,
    onProgress: (progress, total, message) => {
      if (progress <= told) return
      told = progress
      const params = { progressToken, progress, total, message }
      // A caller that has gone needs none.
      notify({ method: 'notifications/progress', params }).catch(() => {})
    },
  }
}

type Standard = StandardSchemaWithJSON['~standard']

const advertisements = new WeakMap<object, StandardSchemaWithJSON>()

/**
 * A schema as the SDK is given it: told to clients, and made into JSON Schema once however many servers there are.
 * What comes in is checked by the tool, whose errors have a code; what goes out is checked by the client.
 */
function advertised(schema: EvidenceTool['config']['inputSchema' | 'outputSchema']): StandardSchemaWithJSON {
  const made = advertisements.get(schema)
  if (made !== undefined) return made
  const given = schema['~standard'] as unknown as Standard
  const kept = new Map<string, Record<string, unknown>>()
  const once =
    (side: 'input' | 'output'): Standard['jsonSchema']['input'] =>
    options => {
      const key = `${side} ${options.target}`
      const json = kept.get(key) ?? given.jsonSchema[side](options)
      kept.set(key, json)
      return json
    }
  const advertisement: StandardSchemaWithJSON = {
    '~standard': {
      version: 1,
      vendor: 'evidence-runner',
      validate: value => ({ value }),
      jsonSchema: { input: once('input'), output: once('output') },
    },
  }
  advertisements.set(schema, advertisement)
  return advertisement
}
