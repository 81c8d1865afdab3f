/* openfx.h: what we use of OpenFX's image effect interface, version 1.
 *
 * Declarations of our own of a public binary interface: layouts, numbers and the
 * texts that name things. A suite's functions stand in the order of the interface;
 * those behind the last that we call are left out, which changes no offset.
 *
 * Ownership: handles and what they lead to are the host's. Text got from a property
 * or parameter is borrowed until the next call on it.
 *
 * Thread safety: render actions come from any thread, all others from the main
 * one; suites are called on the thread that called us. */
#ifndef ZOETROPE_OPENFX_H
#define ZOETROPE_OPENFX_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OFX_EXPORT __attribute__((visibility("default")))
#else
#define OFX_EXPORT
#endif

/* Statuses. 2 ends some hosts: never to be returned. */
#define OFX_OK                   0
#define OFX_FAILED               1
#define OFX_ERR_UNKNOWN          3
#define OFX_ERR_MISSING_FEATURE  4
#define OFX_ERR_UNSUPPORTED      5
#define OFX_ERR_MEMORY           8
#define OFX_ERR_BAD_HANDLE       9
#define OFX_ERR_BAD_INDEX        10
#define OFX_ERR_VALUE            11
#define OFX_REPLY_YES            12
#define OFX_REPLY_NO             13
#define OFX_REPLY_DEFAULT        14

typedef int    ofx_status;
typedef double ofx_time;

typedef struct ofx_props_ *ofx_props;         /* a property set */
typedef struct ofx_effect_ *ofx_effect;       /* a descriptor or an instance */
typedef struct ofx_params_ *ofx_params;       /* a parameter set */
typedef struct ofx_param_ *ofx_param;
typedef struct ofx_clip_ *ofx_clip;
typedef struct ofx_memory_ *ofx_memory;
typedef struct ofx_mutex_ *ofx_mutex;

typedef struct ofx_rect_i { int x1, y1, x2, y2; } ofx_rect_i;
typedef struct ofx_rect_d { double x1, y1, x2, y2; } ofx_rect_d;
typedef struct ofx_range_d { double min, max; } ofx_range_d;

typedef struct ofx_host {
    ofx_props props;
    const void *(*fetch_suite)(ofx_props host, const char *name, int version);
} ofx_host;

typedef struct ofx_plugin {
    const char *api;              /* OFX_API */
    int         api_version;      /* 1 */
    const char *identifier;
    unsigned    major, minor;
    void      (*set_host)(ofx_host *host);
    ofx_status (*main_entry)(const char *action, const void *handle, ofx_props in,
                             ofx_props out);
} ofx_plugin;

#define OFX_API "OfxImageEffectPluginAPI"

/* What a plugin file exports. */
OFX_EXPORT int         OfxGetNumberOfPlugins(void);
OFX_EXPORT ofx_plugin *OfxGetPlugin(int n);

#define OFX_PROPERTY_SUITE "OfxPropertySuite"         /* 1 */
typedef struct ofx_property_suite {
    ofx_status (*set_pointer)(ofx_props, const char *name, int index, void *value);
    ofx_status (*set_string)(ofx_props, const char *name, int index, const char *value);
    ofx_status (*set_double)(ofx_props, const char *name, int index, double value);
    ofx_status (*set_int)(ofx_props, const char *name, int index, int value);
    ofx_status (*set_pointer_n)(ofx_props, const char *name, int count, void *const *values);
    ofx_status (*set_string_n)(ofx_props, const char *name, int count, const char *const *values);
    ofx_status (*set_double_n)(ofx_props, const char *name, int count, const double *values);
    ofx_status (*set_int_n)(ofx_props, const char *name, int count, const int *values);
    ofx_status (*get_pointer)(ofx_props, const char *name, int index, void **value);
    ofx_status (*get_string)(ofx_props, const char *name, int index, char **value);
    ofx_status (*get_double)(ofx_props, const char *name, int index, double *value);
    ofx_status (*get_int)(ofx_props, const char *name, int index, int *value);
    ofx_status (*get_pointer_n)(ofx_props, const char *name, int count, void **values);
    ofx_status (*get_string_n)(ofx_props, const char *name, int count, char **values);
    ofx_status (*get_double_n)(ofx_props, const char *name, int count, double *values);
    ofx_status (*get_int_n)(ofx_props, const char *name, int count, int *values);
    ofx_status (*reset)(ofx_props, const char *name);
    ofx_status (*dimension)(ofx_props, const char *name, int *count);
} ofx_property_suite;

#define OFX_PARAMETER_SUITE "OfxParameterSuite"       /* 1 */
typedef struct ofx_parameter_suite {
    ofx_status (*define)(ofx_params, const char *type, const char *name, ofx_props *props);
    ofx_status (*handle)(ofx_params, const char *name, ofx_param *param, ofx_props *props);
    ofx_status (*set_props)(ofx_params, ofx_props *props);
    ofx_status (*props)(ofx_param, ofx_props *props);
    ofx_status (*value)(ofx_param, ...);      /* int *, double * or char ** */
    ofx_status (*value_at)(ofx_param, ofx_time, ...);
} ofx_parameter_suite;

#define OFX_IMAGE_EFFECT_SUITE "OfxImageEffectSuite"  /* 1 */
typedef struct ofx_image_effect_suite {
    ofx_status (*props)(ofx_effect, ofx_props *props);
    ofx_status (*params)(ofx_effect, ofx_params *params);
    ofx_status (*clip_define)(ofx_effect, const char *name, ofx_props *props);
    ofx_status (*clip_handle)(ofx_effect, const char *name, ofx_clip *clip, ofx_props *props);
    ofx_status (*clip_props)(ofx_clip, ofx_props *props);
    ofx_status (*clip_image)(ofx_clip, ofx_time, const ofx_rect_d *region, ofx_props *image);
    ofx_status (*clip_release)(ofx_props image);
    ofx_status (*clip_region)(ofx_clip, ofx_time, ofx_rect_d *bounds);
    int        (*abort)(ofx_effect);
    ofx_status (*memory_alloc)(ofx_effect, size_t bytes, ofx_memory *memory);
    ofx_status (*memory_free)(ofx_memory);
    ofx_status (*memory_lock)(ofx_memory, void **data);
    ofx_status (*memory_unlock)(ofx_memory);
} ofx_image_effect_suite;

#define OFX_MEMORY_SUITE "OfxMemorySuite"             /* 1 */
typedef struct ofx_memory_suite {
    ofx_status (*alloc)(void *handle, size_t bytes, void **data);
    ofx_status (*free)(void *data);
} ofx_memory_suite;

#define OFX_MULTI_THREAD_SUITE "OfxMultiThreadSuite"  /* 1 */
typedef struct ofx_multi_thread_suite {
    ofx_status (*run)(void (*function)(unsigned index, unsigned count, void *user),
                      unsigned count, void *user);
    ofx_status (*cpus)(unsigned *count);
    ofx_status (*index)(unsigned *index);
    int        (*is_spawned)(void);
    ofx_status (*mutex_create)(ofx_mutex *mutex, int lock_count);
    ofx_status (*mutex_destroy)(ofx_mutex);
    ofx_status (*mutex_lock)(ofx_mutex);
    ofx_status (*mutex_unlock)(ofx_mutex);
    ofx_status (*mutex_try)(ofx_mutex);
} ofx_multi_thread_suite;

#define OFX_MESSAGE_SUITE "OfxMessageSuite"           /* 1 has the first function, 2 all */
typedef struct ofx_message_suite {
    ofx_status (*message)(void *effect, const char *type, const char *id, const char *format,
                          ...);
    ofx_status (*set_persistent)(void *effect, const char *type, const char *id,
                                 const char *format, ...);
    ofx_status (*clear_persistent)(void *effect);
} ofx_message_suite;
#define OFX_MESSAGE_ERROR "OfxMessageError"

#define OFX_PROGRESS_SUITE "OfxProgressSuite"         /* 1; 2 has another start */
typedef struct ofx_progress_suite_1 {
    ofx_status (*start)(void *effect, const char *label);
    ofx_status (*update)(void *effect, double fraction);      /* OFX_REPLY_NO: cancelled */
    ofx_status (*end)(void *effect);
} ofx_progress_suite_1;
typedef struct ofx_progress_suite_2 {
    ofx_status (*start)(void *effect, const char *message, const char *id);
    ofx_status (*update)(void *effect, double fraction);
    ofx_status (*end)(void *effect);
} ofx_progress_suite_2;

#define OFX_TIMELINE_SUITE "OfxTimeLineSuite"         /* 1 */
typedef struct ofx_timeline_suite {
    ofx_status (*time)(void *effect, double *time);
    ofx_status (*go_to)(void *effect, double time);
    ofx_status (*bounds)(void *effect, double *first, double *last);
} ofx_timeline_suite;

#define OFX_ACTION_LOAD             "OfxActionLoad"
#define OFX_ACTION_UNLOAD           "OfxActionUnload"
#define OFX_ACTION_DESCRIBE         "OfxActionDescribe"
#define OFX_ACTION_CREATE_INSTANCE  "OfxActionCreateInstance"
#define OFX_ACTION_DESTROY_INSTANCE "OfxActionDestroyInstance"
#define OFX_ACTION_PURGE_CACHES     "OfxActionPurgeCaches"
#define OFX_ACTION_SYNC             "OfxActionSyncPrivateData"
#define OFX_ACTION_INSTANCE_CHANGED "OfxActionInstanceChanged"
#define OFX_ACTION_BEGIN_CHANGED    "OfxActionBeginInstanceChanged"
#define OFX_ACTION_END_CHANGED      "OfxActionEndInstanceChanged"
#define OFX_ACTION_BEGIN_EDIT       "OfxActionBeginInstanceEdit"
#define OFX_ACTION_END_EDIT         "OfxActionEndInstanceEdit"
#define OFX_ACTION_DESCRIBE_IN      "OfxImageEffectActionDescribeInContext"
#define OFX_ACTION_REGION           "OfxImageEffectActionGetRegionOfDefinition"
#define OFX_ACTION_INTEREST         "OfxImageEffectActionGetRegionsOfInterest"
#define OFX_ACTION_FRAMES_NEEDED    "OfxImageEffectActionGetFramesNeeded"
#define OFX_ACTION_TIME_DOMAIN      "OfxImageEffectActionGetTimeDomain"
#define OFX_ACTION_PREFERENCES      "OfxImageEffectActionGetClipPreferences"
#define OFX_ACTION_IS_IDENTITY      "OfxImageEffectActionIsIdentity"
#define OFX_ACTION_BEGIN_SEQUENCE   "OfxImageEffectActionBeginSequenceRender"
#define OFX_ACTION_RENDER           "OfxImageEffectActionRender"
#define OFX_ACTION_END_SEQUENCE     "OfxImageEffectActionEndSequenceRender"

#define OFX_CONTEXT_GENERATOR "OfxImageEffectContextGenerator"
#define OFX_CONTEXT_GENERAL   "OfxImageEffectContextGeneral"
#define OFX_CONTEXT_FILTER    "OfxImageEffectContextFilter"

#define OFX_CLIP_OUTPUT "Output"
#define OFX_CLIP_SOURCE "Source"

#define OFX_BYTE  "OfxBitDepthByte"
#define OFX_SHORT "OfxBitDepthShort"
#define OFX_HALF  "OfxBitDepthHalf"
#define OFX_FLOAT "OfxBitDepthFloat"
#define OFX_RGBA  "OfxImageComponentRGBA"
#define OFX_RGB   "OfxImageComponentRGB"
#define OFX_ALPHA "OfxImageComponentAlpha"

#define OFX_OPAQUE        "OfxImageOpaque"
#define OFX_PREMULTIPLIED "OfxImageAlphaPremultiplied"
#define OFX_FIELD_NONE    "OfxFieldNone"

/* Properties of hosts, effects and instances. */
#define OFX_P_NAME             "OfxPropName"
#define OFX_P_LABEL            "OfxPropLabel"
#define OFX_P_TYPE             "OfxPropType"
#define OFX_P_TIME             "OfxPropTime"
#define OFX_P_CHANGE_REASON    "OfxPropChangeReason"
#define OFX_P_DESCRIPTION      "OfxPropPluginDescription"
#define OFX_P_INSTANCE_DATA    "OfxPropInstanceData"
#define OFX_P_GROUPING         "OfxImageEffectPluginPropGrouping"
#define OFX_P_CONTEXT          "OfxImageEffectPropContext"
#define OFX_P_CONTEXTS         "OfxImageEffectPropSupportedContexts"
#define OFX_P_DEPTHS           "OfxImageEffectPropSupportedPixelDepths"
#define OFX_P_THREAD_SAFETY    "OfxImageEffectPluginRenderThreadSafety"
#define OFX_INSTANCE_SAFE      "OfxImageEffectRenderInstanceSafe"
#define OFX_P_FRAME_THREADING  "OfxImageEffectPluginPropHostFrameThreading"
#define OFX_P_TILES            "OfxImageEffectPropSupportsTiles"
#define OFX_P_MULTI_RESOLUTION "OfxImageEffectPropSupportsMultiResolution"
#define OFX_P_TEMPORAL         "OfxImageEffectPropTemporalClipAccess"
#define OFX_P_SINGLE_INSTANCE  "OfxImageEffectPluginPropSingleInstance"
#define OFX_P_SEQUENTIAL       "OfxImageEffectInstancePropSequentialRender"
#define OFX_P_MULTIPLE_DEPTHS  "OfxImageEffectPropMultipleClipDepths"
#define OFX_P_SLAVE_PARAM      "OfxImageEffectPropClipPreferencesSlaveParam"
#define OFX_P_PROJECT_SIZE     "OfxImageEffectPropProjectSize"
#define OFX_P_PROJECT_OFFSET   "OfxImageEffectPropProjectOffset"
#define OFX_P_FRAME_RATE       "OfxImageEffectPropFrameRate"
#define OFX_P_FRAME_RANGE      "OfxImageEffectPropFrameRange"
#define OFX_P_REGION           "OfxImageEffectPropRegionOfDefinition"
#define OFX_P_RENDER_WINDOW    "OfxImageEffectPropRenderWindow"
#define OFX_P_RENDER_SCALE     "OfxImageEffectPropRenderScale"
#define OFX_P_PREMULTIPLIED    "OfxImageEffectPropPreMultiplication"
#define OFX_P_FRAME_VARYING    "OfxImageEffectFrameVarying"
#define OFX_P_COMPONENTS_OF    "OfxImageEffectPropSupportedComponents"
#define OFX_P_CLIP_OPTIONAL    "OfxImageClipPropOptional"
#define OFX_P_CONTINUOUS       "OfxImageClipPropContinuousSamples"
#define OFX_P_FIELD_ORDER      "OfxImageClipPropFieldOrder"

/* Properties of images. */
#define OFX_P_DATA         "OfxImagePropData"
#define OFX_P_BOUNDS       "OfxImagePropBounds"
#define OFX_P_IMAGE_REGION "OfxImagePropRegionOfDefinition"
#define OFX_P_ROW_BYTES    "OfxImagePropRowBytes"
#define OFX_P_DEPTH        "OfxImageEffectPropPixelDepth"
#define OFX_P_COMPONENTS   "OfxImageEffectPropComponents"
#define OFX_P_IMAGE_ASPECT "OfxImagePropPixelAspectRatio"

/* Parameters. */
#define OFX_INTEGER     "OfxParamTypeInteger"
#define OFX_DOUBLE      "OfxParamTypeDouble"
#define OFX_BOOLEAN     "OfxParamTypeBoolean"
#define OFX_CHOICE      "OfxParamTypeChoice"
#define OFX_STRING      "OfxParamTypeString"
#define OFX_GROUP       "OfxParamTypeGroup"
#define OFX_PAGE        "OfxParamTypePage"
#define OFX_PUSH_BUTTON "OfxParamTypePushButton"

#define OFX_P_PARENT       "OfxParamPropParent"
#define OFX_P_HINT         "OfxParamPropHint"
#define OFX_P_DEFAULT      "OfxParamPropDefault"
#define OFX_P_MIN          "OfxParamPropMin"
#define OFX_P_MAX          "OfxParamPropMax"
#define OFX_P_DISPLAY_MIN  "OfxParamPropDisplayMin"
#define OFX_P_DISPLAY_MAX  "OfxParamPropDisplayMax"
#define OFX_P_DIGITS       "OfxParamPropDigits"
#define OFX_P_ANIMATES     "OfxParamPropAnimates"
#define OFX_P_CHOICES      "OfxParamPropChoiceOption"
#define OFX_P_STRING_MODE  "OfxParamPropStringMode"
#define OFX_SINGLE_LINE    "OfxParamStringIsSingleLine"
#define OFX_MULTI_LINE     "OfxParamStringIsMultiLine"
#define OFX_FILE_PATH      "OfxParamStringIsFilePath"
#define OFX_FOLDER_PATH    "OfxParamStringIsDirectoryPath"
#define OFX_P_PATH_EXISTS  "OfxParamPropStringFilePathExists"
#define OFX_P_PAGE_CHILD   "OfxParamPropPageChild"
#define OFX_P_GROUP_OPEN   "OfxParamPropGroupOpen"

#ifdef __cplusplus
}
#endif

#endif
