/* Routes in the form of OpenAI's image API. */
#include "gateway/gateway.h"

const i4_route i4_openai_routes[] = {{0}};
