/* Estimates. */
#include "gateway/events/estimate.h"

bool i4_detail_read(const json_t *status, i4_detail *detail) {
    (void)status;
    *detail = (i4_detail){.phase = "", .preview_step = -1};
    return false;
}

void i4_estimate_learn(i4_gateway *gateway, const i4_size_preset *picture,
                       const json_t *phase_seconds, int steps) {
    (void)gateway;
    (void)picture;
    (void)phase_seconds;
    (void)steps;
}

bool i4_estimate_whole(i4_gateway *gateway, const i4_size_preset *picture, double *seconds,
                       const char **basis) {
    (void)gateway;
    (void)picture;
    *seconds = 0;
    *basis = "none";
    return false;
}

bool i4_estimate_rest(i4_gateway *gateway, const i4_size_preset *picture, const i4_detail *detail,
                      i4_eta *before, double *seconds) {
    (void)gateway;
    (void)picture;
    (void)detail;
    (void)before;
    *seconds = 0;
    return false;
}
