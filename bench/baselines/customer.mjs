// What the baselines serve: 15 tools, of which get-customer asks METRONOME_BASE_URL with Node's own fetch.
const { METRONOME_BASE_URL } = process.env

export const INFO = { name: 'floor', version: '1.0.0' }
export const TOOL_NAMES = ['get-customer', ...Array.from({ length: 14 }, (_, index) => `other-tool-${index}`)]

export async function getCustomer({ customer_id }) {
  const response = await fetch(`${METRONOME_BASE_URL}/v1/customers/${customer_id}`)
  const structuredContent = await response.json()
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
}
