// Types that several modules share, for the check by tsc; nothing here runs.

/**
 * What the page knows of a model, from src/explore/content.py.
 * @typedef {object} ModelFacts
 * @property {string} name
 * @property {string} title
 * @property {number} dims
 * @property {number | null} priorStd
 * @property {number[]} trainLow
 * @property {number[]} trainStep
 * @property {number[]} stds
 * @property {number} share
 * @property {number[]} planeShares
 * @property {number[]} sliders
 * @property {number[]} codeLow
 * @property {number[]} codeHigh
 * @property {number[]} endLabels of the classes that have an image in their middle
 * @property {{ usual: number, most: number }} spacing
 * @property {Shapes} [shapes]
 * @property {number} [difference]
 * @property {Span} [mosaic]
 * @property {number[]} filmEpochs
 * @property {number[]} filmLow
 * @property {number[]} filmStep
 * @property {Record<string, number>} metrics
 * @property {number[]} losses
 * @property {number[] | null} published
 */

/** @typedef {{ encoder: [number, number][], decoder: [number, number][] }} Shapes */
/** @typedef {{ low: number[], step: number, tiles: number }} Span where a mosaic's images lie */
/** @typedef {{ title: string, words: string, state: string }} Suggestion */

/**
 * @typedef {object} Facts
 * @property {string} dataset
 * @property {string[]} classes
 * @property {Record<string, string>} parameters
 * @property {number} seed
 * @property {number} probes
 * @property {{ light: string[], dark: string[] }} colours
 * @property {Record<string, string>} kinds
 * @property {ModelFacts[]} models
 * @property {Suggestion[]} suggestions
 */

/** @typedef {Float32Array | Uint8Array | Uint16Array} Numbers */
/** @typedef {{ packed: Numbers, labels: Numbers }} Split */
/** @typedef {[number, number]} Place where something lies on a plane */
/** @typedef {{ radii: number[], angle: number }} Ellipse of one standard deviation */

/**
 * What turns codes into images, and back.
 * @typedef {object} Network
 * @property {boolean} isLive whether the page computes it, or shows images that were decoded when
 *   the page was made
 * @property {(code: Float32Array) => Float32Array} decode
 * @property {(greys: Float32Array) => { code: Float32Array, std?: Float32Array }} encode
 */

/**
 * @typedef {object} Model
 * @property {ModelFacts} facts
 * @property {import("./space.js").Space} space
 * @property {Network} network
 * @property {Float32Array[]} ends
 * @property {import("./frames.js").Frames} frames
 */

/**
 * What all parts of the page share.
 * @typedef {object} Data
 * @property {string[]} classes
 * @property {{ train: Split, test: Split }} images
 * @property {number} seed
 */

/**
 * What is marked on a plane.
 * @typedef {object} Marks
 * @property {Place} point that is decoded
 * @property {Place[]} near
 * @property {{ place: Place, ellipse?: Ellipse } | null} image
 * @property {Place[]} crosses
 * @property {{ from: Place, to: Place } | null} line
 */

/**
 * What a plane is made of.
 * @typedef {object} Parts
 * @property {string} title
 * @property {import("./space.js").Space} space
 * @property {string[]} classes
 * @property {{ light: string[], dark: string[] }} colours
 * @property {(place: Place) => Float32Array} decodeAt
 * @property {import("./types.js").Span} [span] of a mosaic that was made with the page
 * @property {[number, number][]} reach of the dots of the film
 * @property {{ centre: Place, std: number } | null} prior
 */

/**
 * @typedef {object} Answers
 * @property {(place: Place) => void} onMove
 * @property {(number: number) => void} onDot
 * @property {() => void} onTouch by hand, whatever follows
 * @property {() => void} onView another part is seen
 */

export {};
