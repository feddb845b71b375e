/** Where a request's ledger is charged: around the dispatch, once for each reply, and nowhere else. */
import type { Dispatch } from './call.ts'

/** A Dispatch that charges the context's ledger with what each reply used. */
export const charging =
  (dispatch: Dispatch): Dispatch =>
  async (call, context) => {
    const reply = await dispatch(call, context)
    context.ledger.charge(reply.usage)
    return reply
  }
