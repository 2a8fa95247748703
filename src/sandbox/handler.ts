import type * as z from 'zod'
import type { JsonObject, Operation } from '../operation/define.ts'
import type { Answer } from './exchange.ts'
import type { Store } from './store.ts'

/** Does what an operation does. Throws `Refusal` before anything has changed. */
export type Handler = (store: Store, args: JsonObject) => Answer

/** A handler whose arguments have the types of its operation's input. */
export function handle<Op extends Operation>(
  _: Op,
  act: (store: Store, args: z.output<Op['input']>) => Answer,
): Handler {
  return (store, args) => act(store, args as z.output<Op['input']>) // the server has checked them against op.input
}
