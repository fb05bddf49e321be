// Whether this Node is one of the engines of package.json. CommonJS in old syntax, so that an old Node can say that it is.
const range = require('../../../package.json').engines.node
const own = process.versions.node.split('.').map(Number)

/** `^20.20.2` or `>=25.8.2`. */
function isIn(part) {
  const least = part.match(/\d+/g).map(Number)
  const differs = [0, 1, 2].find((at) => own[at] !== least[at])
  const isNewer = differs === undefined || own[differs] > least[differs]
  return isNewer && (part.trim().startsWith('>=') || own[0] === least[0])
}

if (!range.split('||').some(isIn)) {
  console.error(`Node ${range} is needed, this is ${process.version}: https://nodejs.org`)
  process.exitCode = 1
}
