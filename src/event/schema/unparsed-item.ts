import type { RejectionCode } from '../ledger/ledger.ts'

/** Stands for a line or an item that was not parsed, so that its neighbours keep their places. */
export class UnparsedItem {
  readonly code: RejectionCode
  readonly detail: string
  constructor(code: RejectionCode, detail: string) {
    this.code = code
    this.detail = detail
  }
}
