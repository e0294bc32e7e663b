// A page with nothing but its clock.
import { runClock } from "./page.js";

runClock();
