import Type from 'typebox'

/** A `ProcessIdentity`, as it stands in files. */
export const Owner = Type.Object({
  pid: Type.Integer(),
  startTicks: Type.String(),
  bootId: Type.String(),
  pidNamespace: Type.String(),
})
