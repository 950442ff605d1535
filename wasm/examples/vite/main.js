// The named colors that are nearest to the one that is picked.
import init, { VectorStore } from "vicino";

await init();
const names = ["crimson", "coral", "gold", "olive", "seagreen", "teal", "navy", "indigo", "plum"];
const store = new VectorStore({ dimensions: 3, metric: "euclidean" });
store.insert(names.map((id) => ({ id, vector: channels(id) })));

const [color, found] = [document.querySelector("#color"), document.querySelector("#found")];
color.oninput = () => {
  const results = store.search({ vector: channels(color.value), k: 3 });
  found.replaceChildren(...results.map(({ id }) => {
    const item = document.createElement("li");
    [item.textContent, item.style.color] = [id, id];
    return item;
  }));
};
color.oninput();

/** Red, green and blue of a color, however it is written. */
function channels(color) {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
