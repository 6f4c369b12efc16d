// The networks: chains of linear layers, as in src/models/networks.py, with the trained weights.

// Cuts the weights of a model, one long array, into its layers: { encoder, decoder }.
export function layersOf(shapes, weights) {
  let at = 0;
  const take = (length) => weights.subarray(at, (at += length));
  const layer = ([outputs, inputs]) => ({ weight: take(outputs * inputs), bias: take(outputs) });
  const layers = { encoder: shapes.encoder.map(layer), decoder: shapes.decoder.map(layer) };
  if (at !== weights.length) throw new Error("weights of another length");
  return layers;
}

// x (inputs) -> W x + b (outputs).
function linear({ weight, bias }, x) {
  const outputs = new Float32Array(bias.length);
  for (let row = 0, at = 0; row < outputs.length; row++) {
    let sum = bias[row];
    for (let i = 0; i < x.length; i++) sum += weight[at++] * x[i];
    outputs[row] = sum;
  }
  return outputs;
}

const relu = (x) => x.map((value) => (value > 0 ? value : 0));

// A code (dims) -> the greys (784) in 0 to 1 that it stands for.
export function decode(layers, code) {
  const logits = layers.decoder.reduce((x, layer, number) => linear(layer, number ? relu(x) : x), code);
  return logits.map((value) => 1 / (1 + Math.exp(-value)));
}

// Greys (784) in 0 to 1 -> their code, for a VAE the posterior mean, and a VAE's posterior standard deviation (dims).
export function encode(layers, greys) {
  const [first, mean, logSigma] = layers.encoder;
  const hidden = relu(linear(first, greys));
  return { code: linear(mean, hidden), std: logSigma && linear(logSigma, hidden).map(Math.exp) };
}
