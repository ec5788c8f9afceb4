export { LayoutMode } from './mode';
