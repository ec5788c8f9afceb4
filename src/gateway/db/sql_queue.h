/* Floor 6, private to this folder. Statements of queue.c and finish.c: part of I4_SQL_LIST
 * (private.h).
 *
 * The order of the queue is (place, id) among the pending; places have gaps. Every query goes
 * through an index: jobs_state for what is pending or running, jobs_finished for what is shown of
 * the rest, and the unique ones. */
#ifndef I4_GATEWAY_DB_SQL_QUEUE_H
#define I4_GATEWAY_DB_SQL_QUEUE_H

#include "gateway/db/db.h"

/* A job as docs/api.md 1.1 has it, in that order, before what only memory knows. Its flag is the
 * picture's while there is one: people may overrule it. */
#define I4_PART_JOB                                                                             \
    "SELECT j.id AS id,j.client_id AS client_id,j.batch AS batch,j.origin AS origin,"           \
    "j.state AS state,(j.cancel AND j.state='running')AS cancelling,"                           \
    "CASE WHEN j.state='pending' THEN(SELECT count(*)FROM jobs p WHERE p.state='pending' AND "  \
    "(p.place,p.id)<(j.place,j.id))END AS position,j.created_at AS created_at,"                 \
    "j.started_at AS started_at,j.finished_at AS finished_at,j.hld AS hld,j.width AS width,"    \
    "j.height AS height,j.preset AS preset,j.seed AS seed,j.format AS format,j.loras AS loras," \
    "j.prompt_id AS prompt_id,CASE WHEN j.started_at IS NOT NULL THEN j.task_id END AS "        \
    "task_id,j.restarts AS restarts,"                                                           \
    "j.retry_of AS retry_of,j.image_id AS image_id,CASE WHEN i.id IS NULL THEN j.flag ELSE "    \
    "i.flag END AS flag,j.error AS error,"                                                      \
    "j.seconds AS seconds FROM jobs j LEFT JOIN images i ON i.id=j.image_id "

/* What the dispatcher needs of a job; age: seconds since it began. */
#define I4_PART_WORK                                                                              \
    "SELECT id,state,origin,batch,task_id,accepted,cancel,restarts,caption,is_text,width,height," \
    "preset,seed,format,loras,until_picture," I4_PART_SECONDS("'now'") "-" I4_PART_SECONDS(       \
        "started_at") "AS age FROM jobs "

/* What a copy or a changed job is made of. */
#define I4_PART_CONTENT                                                                \
    "SELECT id,state,batch,caption,is_text,hld,width,height,preset,seed,format,loras," \
    "prompt_id,form_json,form_made,is_joined,task_id,until_picture FROM jobs "

#define I4_SQL_QUEUE(X)                                                                           \
    X(JOB, I4_PART_JOB "WHERE j.id=?1")                                                           \
    X(JOBS_PENDING, I4_PART_JOB "WHERE j.state='pending' ORDER BY j.place,j.id")                  \
    X(JOBS_RUNNING, I4_PART_JOB "WHERE j.state='running' ORDER BY j.place,j.id")                  \
    X(JOBS_FINISHED, I4_PART_JOB "WHERE j.finished_at IS NOT NULL AND j.hidden=0 "                \
                                 "ORDER BY j.finished_at DESC,j.id DESC LIMIT 50")                \
    X(JOB_STATE, "SELECT id,state,started_at FROM jobs WHERE id=?1")                              \
    X(JOB_CONTENT, I4_PART_CONTENT "WHERE id=?1")                                                 \
    X(JOB_PENDING_COUNT, "SELECT count(*)FROM jobs WHERE state='pending'")                        \
    X(JOB_IDS, "SELECT id FROM jobs WHERE state=?1 ORDER BY place,id")                            \
    X(JOB_IDS_OF_CLIENT, "SELECT id FROM jobs WHERE client_id=?1 ORDER BY id")                    \
    X(JOB_IDS_OF_BATCH, "SELECT id FROM jobs WHERE batch=?1 ORDER BY id")                         \
    /* adding and changing */                                                                     \
    X(JOB_ADD, "INSERT INTO jobs(client_id,batch,origin,state,place,created_at,started_at,"       \
               "caption,is_text,hld,form_json,form_made,prompt_id,is_joined,width,height,preset," \
               "seed,format,loras,task_id,accepted,retry_of,until_picture)"                       \
               "VALUES(?1,?2,?3,?4,?5,datetime('now'),"                                           \
               "CASE WHEN ?4='running' THEN datetime('now')END,?6,?7,?8,?9,?10,?11,?12,?13,?14,"  \
               "?15,?16,?17,?18,?19,?20,?21,?22)")                                                \
    /* Its name at the daemon belongs to what it was before. */                                   \
    X(JOB_CHANGE, "UPDATE jobs SET caption=?2,is_text=?3,hld=?4,form_json=?5,form_made=?6,"       \
                  "prompt_id=?7,is_joined=is_joined AND prompt_id IS ?7,width=?8,height=?9,"      \
                  "preset=?10,seed=?11,format=?12,loras=?13,task_id=NULL,accepted=0 "             \
                  "WHERE id=?1 AND state='pending'")                                              \
    /* order */                                                                                   \
    X(JOB_PLACE, "SELECT place,id FROM jobs WHERE id=?1 AND state='pending'")                     \
    X(JOB_PLACE_LAST, "SELECT max(place)FROM jobs")                                               \
    X(JOB_FIRST, "SELECT place,id FROM jobs WHERE state='pending' AND id<>?1 "                    \
                 "ORDER BY place,id LIMIT 1")                                                     \
    X(JOB_BEFORE, "SELECT place,id FROM jobs WHERE state='pending' AND (place,id)<(?1,?2)"        \
                  "AND id<>?3 ORDER BY place DESC,id DESC LIMIT 1")                               \
    X(JOB_AFTER, "SELECT place,id FROM jobs WHERE state='pending' AND (place,id)>(?1,?2)"         \
                 "AND id<>?3 ORDER BY place,id LIMIT 1")                                          \
    X(JOB_MOVE, "UPDATE jobs SET place=?2 WHERE id=?1")                                           \
    /* cancelled ones move along, so that they can come back to their places */                   \
    X(JOBS_SHIFT_PENDING, "UPDATE jobs SET place=place+?3 WHERE state='pending' AND "             \
                          "(place,id)>=(?1,?2)")                                                  \
    X(JOBS_SHIFT_CANCELLED, "UPDATE jobs SET place=place+?3 WHERE state='cancelled' AND "         \
                            "(place,id)>=(?1,?2)")                                                \
    /* ending by hand */                                                                          \
    X(JOB_DROP, "UPDATE jobs SET state='cancelled',finished_at=datetime('now'),cancel=1 "         \
                "WHERE id=?1 AND state='pending'")                                                \
    X(JOB_ASK_CANCEL, "UPDATE jobs SET cancel=1 WHERE id=?1 AND state='running'")                 \
    X(JOB_HIDE, "UPDATE jobs SET hidden=1 WHERE id=?1 AND finished_at IS NOT NULL")               \
    X(JOBS_HIDE, "UPDATE jobs SET hidden=1 WHERE finished_at IS NOT NULL AND hidden=0")           \
    X(JOB_RESTORE, "UPDATE jobs SET state='pending',finished_at=NULL,hidden=0,cancel=0 "          \
                   "WHERE id=?1 AND state='cancelled' AND started_at IS NULL")                    \
    X(JOBS_PRUNE, "DELETE FROM jobs WHERE finished_at<datetime('now','-90 days')")                \
    X(PAUSED, "SELECT paused FROM queue WHERE id=1")                                              \
    X(PAUSE, "UPDATE queue SET paused=?1 WHERE id=1")                                             \
    /* running */                                                                                 \
    X(WORK_RUNNING, I4_PART_WORK "WHERE state='running' AND origin<>'direct' "                    \
                                 "ORDER BY place,id LIMIT 1")                                     \
    X(WORK_PENDING, I4_PART_WORK "WHERE state='pending' ORDER BY place,id LIMIT 1")               \
    X(WORK_DIRECT, I4_PART_WORK "WHERE state='running' AND origin='direct' ORDER BY place,id")    \
    X(JOB_BEGIN, "UPDATE jobs SET state='running',task_id=COALESCE(task_id,?2),"                  \
                 "started_at=COALESCE(started_at,datetime('now'))"                                \
                 "WHERE id=?1 AND state='pending'")                                               \
    /* It never ran, unless it was lost after it was accepted. Its name stays: should an earlier  \
     * submission arrive late, it is still this job. */                                           \
    X(JOB_BACK, "UPDATE jobs SET state=CASE WHEN cancel THEN 'cancelled' ELSE 'pending' END,"     \
                "finished_at=CASE WHEN cancel THEN datetime('now')END,"                           \
                "started_at=CASE WHEN restarts>0 THEN started_at END,accepted=0 "                 \
                "WHERE id=?1 AND state='running'")                                                \
    X(JOB_ACCEPT, "UPDATE jobs SET accepted=?2,task_id=?3 WHERE id=?1 AND state='running'")       \
    X(JOB_AGAIN, "UPDATE jobs SET accepted=0,restarts=restarts+?2 "                               \
                 "WHERE id=?1 AND state='running'")                                               \
    X(JOB_FAIL, "UPDATE jobs SET state=?2,error=?3,finished_at=datetime('now')"                   \
                "WHERE id=?1 AND state='running'")                                                \
    /* the end with a picture */                                                                  \
    X(JOB_OF_TASK, "SELECT id,origin,batch,prompt_id,is_joined,hld,form_json,form_made,"          \
                   "until_picture FROM jobs WHERE task_id=?1 AND state IN('running','pending')")  \
    X(JOB_DONE, "UPDATE jobs SET state='done',image_id=?2,flag=(SELECT flag FROM images WHERE "   \
                "id=?2),seconds=?3,"                                                              \
                "started_at=COALESCE(started_at,datetime('now')),finished_at=datetime('now')"     \
                "WHERE id=?1")                                                                    \
    X(JOBS_JOIN, "UPDATE jobs SET prompt_id=?2,is_joined=1 WHERE batch=?1")                       \
    X(JOBS_DROP_REST, "UPDATE jobs SET state='cancelled',finished_at=datetime('now'),cancel=1 "   \
                      "WHERE batch=?1 AND state='pending' AND NOT EXISTS("                        \
                      "SELECT 1 FROM images WHERE id=?2 AND flag='blocked')")                     \
    X(IMAGE_NAME, "UPDATE images SET hld=?2 WHERE id=?1 AND hld=''")

#endif
