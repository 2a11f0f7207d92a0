/** The page's entry: makes the studio, binds every view to it, and opens the work that was kept or the first scene. */
import { Autosave } from "./studio/autosave.js";
import { Scenes } from "./studio/scenes.js";
import { Studio } from "./studio/studio.js";
import { watchClasses } from "./views/canvas/classes.js";
import { watchColours } from "./views/canvas/colours.js";
import { watchHint } from "./views/canvas/hint.js";
import { watchRail } from "./views/canvas/rail.js";
import { Stage, watchStageBar } from "./views/canvas/stage.js";
import { watchTools } from "./views/canvas/tools.js";
import { watchManipulate } from "./views/manipulate/manipulate.js";
import { watchMix } from "./views/mix/mix.js";
import { watchMorph } from "./views/morph/morph.js";
import { watchGrid } from "./views/paint/grid.js";
import { watchLibrary } from "./views/paint/library.js";
import { watchLookChips } from "./views/paint/looks.js";
import { watchPanel } from "./views/paint/panel.js";
import { watchVariants } from "./views/paint/variants.js";
import { watchVersus } from "./views/paint/versus.js";
import { watchPast } from "./views/parts/past.js";
import { watchLooks } from "./views/parts/swatch.js";
import { notify, showError } from "./views/parts/toasts.js";
import { consult } from "./views/shell/doctor_dialog.js";
import { watchFiles } from "./views/shell/files.js";
import { watchKeys } from "./views/shell/keys.js";
import { watchLive } from "./views/shell/live.js";
import { Session, unkept } from "./views/shell/session.js";
import { watchSheets } from "./views/shell/sheets.js";
import { watchScenes, watchTopbar } from "./views/shell/topbar.js";

const studio = new Studio({ report: showError, tell: notify, consult });
const scenes = new Scenes();
const stage = new Stage(studio);
const autosave = new Autosave(studio, { onError: unkept });
const session = new Session(studio, autosave, openFirstScene);

watchRail(studio);
watchTools(studio);
watchStageBar(studio, stage);
watchColours(studio);
watchClasses(studio);
watchLookChips(studio);
watchPanel(studio);
watchVariants(studio);
watchLibrary(studio);
watchGrid(studio);
watchPast(studio);
watchVersus(studio, stage);
watchMix(studio);
watchManipulate(studio, stage);
watchMorph(studio);
watchTopbar(studio);
watchLive(studio);
watchFiles(studio);
watchScenes(studio, scenes);
watchLooks(studio);
watchSheets(studio);
watchKeys(studio, stage);

/** The first scene that the model can show, or an empty map of its first class. */
async function openFirstScene() {
  const { model } = studio.state;
  for (const scene of (await scenes.list()).scenes) {
    const map = await scenes.map(scene, model);
    if (map) return studio.opening.scene(map, scene);
  }
  return studio.live.ask({ demanded: true });
}

document.getElementById("model").addEventListener("change", async ({ target }) => {
  try {
    await studio.loadModel(target.value);
    await session.open();
  } catch (error) {
    showError(error, "The model was not changed.");
  }
});

try {
  // The first scene loads while the model is asked for.
  const first = scenes.list().then(({ scenes: [scene] }) => scenes.raw(scene.file));
  first.catch(() => {}); // reported when the scene is opened
  const kept = await autosave.open();
  await studio.start(kept?.model ?? document.body.dataset.model);
  autosave.watch();
  if (studio.state.model) await session.open(kept?.time);
  else showError(new Error("This studio has no model: put one into its checkpoints folder."), null);
  watchHint(studio);
} catch (error) {
  showError(error, "The studio could not start. Reload the page to try again.");
}
