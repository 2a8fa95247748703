import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'

/** Tokens (o200k) of tools/list: what a model is shown, and the whole response. */
export function countListTokens(tools) {
  const shown = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
  return { modelTokens: countTokens(JSON.stringify(shown)), responseTokens: countTokens(JSON.stringify({ tools })) }
}
