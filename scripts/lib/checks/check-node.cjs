// Ends with 0 when this Node is of the line that its argument names, 24.21.0 say, and no older. In old syntax, for old Nodes.
const [wanted, own] = [process.argv[2], process.versions.node].map((version) =>
  version.split('.').map(Number),
)
const differs = [0, 1, 2].find((at) => own[at] !== wanted[at])

process.exitCode = own[0] === wanted[0] && (differs === undefined || own[differs] > wanted[differs]) ? 0 : 1
