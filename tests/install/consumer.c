/* What a program of somebody else looks like: consumer MODEL PICTURE draws one picture. */
#include <ideogram4.h>
#include <stdio.h>

int main(int argc, char **argv) {
    id4_error err = {0};
    id4_model *model = NULL;
    id4_engine *engine = NULL;
    id4_image *image = NULL;
    id4_request request;
    id4_request_init(&request);
    request.caption = "a red circle on a white background";
    request.width = request.height = 256;
    request.steps = 2;
    int bad = argc != 3 || id4_abi() != ID4_ABI ||
              id4_model_open(argv[1], NULL, NULL, &model, &err) ||
              id4_engine_new(model, NULL, &engine, &err) ||
              id4_generate(engine, &request, NULL, &image, NULL, &err) ||
              id4_image_save(image, argv[2], ID4_PNG, 0, NULL, 0, &err);
    if (bad) {
        fprintf(stderr, "%s\n", err.text);
    }
    id4_image_free(image);
    id4_engine_free(engine);
    id4_model_close(model);
    return bad;
}
