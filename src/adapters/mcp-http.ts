/**
 * MCP over streamable HTTP: who may come in (Host, Origin, token), how much at once, and to whom a request goes.
 * A client of protocol 2026-07-28 sends whole requests, and leaves to cancel; one of 2025 opens a session, in which
 * it can cancel what it began, or sends single requests without one.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import {
  bearerOf,
  type DoorLimits,
  doorLimitsOf,
  hostAllowed,
  loopbackHosts,
  originAllowed,
  refuseOpenDoor,
  sameToken,
} from './door.ts'
import { DoorTelemetry } from './door-telemetry.ts'

/** Where and for whom the tools are served over HTTP. */
export type HttpDoorOptions = {
  /** @default '127.0.0.1', which only this machine can reach */
  readonly host?: string | undefined
  /** 0 takes any that is free. @default 7341 */
  readonly port?: number | undefined
  /** Every request must bring it as its bearer token. Needed off loopback. */
  readonly token?: string | undefined
  /** What a Host header may name. @default loopback and `host`; any where `host` stands for every address */
  readonly allowedHosts?: readonly string[] | undefined
  /** Hosts or origins of web pages that may call. @default loopback */
  readonly allowedOrigins?: readonly string[] | undefined
  readonly limits?: Partial<DoorLimits> | undefined
  /** Whether what is turned away is counted in the OpenTelemetry API. @default true */
  readonly telemetry?: boolean | undefined
  /** Called with the address once it is listened on. */
  readonly onListening?: ((url: string) => void) | undefined
  readonly onNote: (note: string) => void
}

/** The one path there is. */
export const mcpPath = '/mcp'
const defaultPort = 7341
/** Sessions of 2025 clients; the one not used for longest makes room. */
const mostSessions = 256
/** Connections, streams that only listen among them. */
const mostConnections = 1024
const mostSubscriptions = 64
/** A body up to this may be word of a cancellation, which must get in when calls no longer do. */
const smallBytes = 1024
/** What calls under way are given when the door closes. */
const graceMs = 5000

/** Serves until the signal is aborted. @throws InputError ER_CONFIG; the error of listening. */
export async function serveHttp(
  serverOf: () => McpServer,
  options: HttpDoorOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { host = '127.0.0.1', onListening, onNote, port = defaultPort, token } = options
  refuseOpenDoor(host, token)
  const door = new HttpDoor(serverOf, options)
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 60_000 }, door.listener)
  server.maxConnections = mostConnections
  try {
    await listening(server, port, host)
    const { address, family, port: taken } = server.address() as AddressInfo
    const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}${mcpPath}`
    onNote(`MCP: ready at ${url}`)
    onListening?.(url)
    await aborted(signal)
  } finally {
    server.close()
    server.closeIdleConnections()
    await door.close()
    server.closeAllConnections()
  }
}

const listening = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })

const aborted = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise(resolve => {
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })

class HttpDoor {
  readonly #serverOf: () => McpServer
  readonly #options: HttpDoorOptions
  readonly #limits: DoorLimits
  readonly #hosts: readonly string[] | undefined
  readonly #handler: ReturnType<typeof createMcpHandler>
  readonly #answer: ReturnType<typeof toNodeHandler>
  readonly #sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  readonly #telemetry: DoorTelemetry
  #underWay = 0
  #closing = false

  constructor(serverOf: () => McpServer, options: HttpDoorOptions) {
    const { allowedHosts, host = '127.0.0.1', onNote, telemetry } = options
    this.#serverOf = serverOf
    this.#telemetry = new DoorTelemetry('mcp', telemetry)
    this.#options = options
    this.#limits = doorLimitsOf(options.limits)
    const everyAddress = host === '0.0.0.0' || host === '::'
    // Without a token nothing else keeps a page out that lets its own name point to this machine.
    this.#hosts = allowedHosts ?? (everyAddress ? undefined : [...loopbackHosts, host])
    const onerror = (error: Error) => onNote(`MCP: ${error.message}`)
    const { requestBytes: maxRequestBodySize } = this.#limits
    this.#handler = createMcpHandler(serverOf, {
      maxRequestBodySize,
      maxSubscriptions: mostSubscriptions,
      onerror,
    })
    this.#answer = toNodeHandler({ fetch: this.#route }, { maxRequestBodySize, onerror })
  }

  readonly listener = (request: IncomingMessage, response: ServerResponse): void => {
    const no = this.#refusal(request)
    if (no !== undefined) {
      this.#telemetry.refused(String(no.status))
      refuse(request, response, no, this.#limits.requestBytes)
      return
    }
    // A stream that only listens takes no part in the work.
    const works = request.method === 'POST' && request.headers['mcp-method'] !== 'subscriptions/listen'
    if (works) {
      this.#underWay += 1
      response.once('close', () => {
        this.#underWay -= 1
      })
    }
    this.#answer(request, response).catch(() => response.destroy())
  }

  /** Lets what is under way finish, within bounds; then ends every session and stream. */
  async close(): Promise<void> {
    this.#closing = true
    const end = performance.now() + graceMs
    while (this.#underWay > 0 && performance.now() < end) await pause(10)
    const sessions = [...this.#sessions.values()]
    await Promise.allSettled([this.#handler.close(), ...sessions.map(session => session.close())])
  }

  #refusal({ headers, method, url = '/' }: IncomingMessage): Refusal | undefined {
    const { allowedOrigins = loopbackHosts, token } = this.#options
    if (this.#hosts !== undefined && !hostAllowed(headers.host, this.#hosts))
      return { status: 403, message: 'This Host is not served here' }
    if (!originAllowed(headers.origin, allowedOrigins))
      return { status: 403, message: 'Pages of this Origin may not call' }
    if (token !== undefined && !sameToken(bearerOf(headers.authorization), token))
      return {
        status: 401,
        message: 'A valid bearer token is needed',
        more: { 'WWW-Authenticate': 'Bearer' },
      }
    if (url.split('?')[0] !== mcpPath) return { status: 404, message: `There is only ${mcpPath}` }
    const { concurrency, requestBytes, waiting } = this.#limits
    const bytes = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY)
    if (bytes !== Number.POSITIVE_INFINITY && bytes > requestBytes)
      return { status: 413, message: `A request may have ${requestBytes} bytes` }
    const most = (concurrency + waiting) * (bytes <= smallBytes ? 2 : 1)
    if (method === 'POST' && (this.#closing || this.#underWay >= most))
      return { status: 503, message: 'Too much is under way', more: { 'Retry-After': '1' } }
    return undefined
  }

  readonly #route = async (request: Request): Promise<Response> => {
    const id = request.headers.get('mcp-session-id')
    if (id !== null) {
      const session = this.#sessions.get(id)
      if (session === undefined) return rpcError(404, 'No such session; begin another one')
      this.#use(id, session)
      return session.handleRequest(request)
    }
    if (request.method !== 'POST') return this.#handler.fetch(request)
    let parsedBody: unknown
    try {
      // Read here once; whoever is handed the request is handed what was in it.
      parsedBody = JSON.parse(await request.text())
    } catch {
      return rpcError(400, 'The body is not JSON', -32700)
    }
    if (isInitializeRequest(parsedBody) && (await isLegacyRequest(request, parsedBody)))
      return this.#begin(request, parsedBody)
    return this.#handler.fetch(request, { parsedBody })
  }

  async #begin(request: Request, parsedBody: unknown): Promise<Response> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => this.#use(id, transport),
      maxRequestBodySize: this.#limits.requestBytes,
    })
    const server = this.#serverOf()
    await server.connect(transport)
    const { onclose } = transport
    transport.onclose = () => {
      if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId)
      onclose?.()
    }
    return transport.handleRequest(request, { parsedBody })
  }

  /** Puts a session at the end of the row; where there are too many, the first of it goes. */
  #use(id: string, session: WebStandardStreamableHTTPServerTransport): void {
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    if (this.#sessions.size <= mostSessions) return
    const [oldest] = this.#sessions
    oldest?.[1].close().catch(() => {})
  }
}

type Refusal = {
  readonly status: number
  readonly message: string
  readonly more?: Readonly<Record<string, string>>
}

/** Says no. A body of which no end is in sight is not read, and the connection ends with the answer. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { message, more = {}, status }: Refusal,
  mostBytes: number,
): void {
  const ends =
    request.method !== 'POST' || Number(request.headers['content-length'] ?? Number.NaN) <= mostBytes
  // Who still sends would see a broken connection in place of the answer.
  if (ends) request.resume()
  const headers = { 'Content-Type': 'application/json', ...(ends ? {} : { Connection: 'close' }), ...more }
  response.writeHead(status, headers)
  response.end(JSON.stringify(errorBody(message)))
}

const rpcError = (status: number, message: string, code?: number): Response =>
  Response.json(errorBody(message, code), { status })

const errorBody = (message: string, code = -32000) => ({ jsonrpc: '2.0', id: null, error: { code, message } })
