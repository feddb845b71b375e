/**
 * The A2A door: the agent's card, its executor for the official SDK, the server, and the consumer of CloudEvents.
 * Behind its own subpath, since its SDK is an optional peer.
 */
export type { SentEvidence } from './a2a-answer.ts'
export * from './a2a-card.ts'
export * from './a2a-cloud-event.ts'
export * from './a2a-events.ts'
export * from './a2a-executor.ts'
export { type LaneFigures, type LaneName, shortJobCharacters } from './a2a-lanes.ts'
export * from './a2a-serve.ts'
export * from './a2a-tasks.ts'
