// What other parts of the page use of the viewer.
export { Viewer, type ViewerProps } from './viewer';
export { useImageActions } from './actions';
export { ImageMenu } from './menu';
export { pictureMenu, pointMenu } from './point-menu';
export { openCompare, toggleCompare, useCompare } from './compare-state';
