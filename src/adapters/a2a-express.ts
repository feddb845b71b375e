/** The little of Express that the A2A door uses, with its types: Express itself brings none. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
// @ts-expect-error Express brings no types of its own; what is used of it is typed here.
import untyped from 'express'

/** A step of a request's way; it answers, or calls `next`. */
export type Step = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void
/** A step for what went wrong before it; Express knows it by its four parameters. */
export type ErrorStep = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** An Express app, to be given to a server or mounted in another app. */
export type App = RequestListener & {
  use(...steps: (Step | ErrorStep)[]): App
  use(path: string, ...steps: Step[]): App
  disable(setting: string): App
}

/** A new app. */
export const newApp = (): App => untyped()

/** Reads bodies of these media types as JSON; one with more bytes fails with status 413. */
export const readJson = (limit: number, type: readonly string[]): Step => untyped.json({ limit, type })
