/**
 * What one request may need in memory: its body as it comes, 1 MiB, inflated, 4 MiB, and room for the rest. No share of
 * the memory in flight is smaller, or that one would be refused for ever. Ours.
 */
export const LARGEST_REQUEST_BYTES = 6_291_456
